// The values every plane compiles from. They are plain: no JSON, no text that is not a name or a label, no reference to
// the API. A plane that wants to know something new finds it here or adds it here.
