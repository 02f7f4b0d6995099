/// The shapes of the built-in API objects as text: a line a message, its name and then `number:name=type` for each field.
///
/// Facts of the published Kubernetes 1.33 API: names and field numbers of `generated.proto`. A type is `string`, `int`,
/// `bool`, `bytes`, `double`, a message, or a special scalar (`Time`, `MicroTime`, `Quantity`, `IntOrString`, `Duration`,
/// `Raw`, `FieldsV1`); before it `[` means a list, `{` a map of strings to it, `^` that JSON holds its fields in place.
enum SchemaText {
  static var all: [String] { [meta, coreAM, coreMZ, groups] }
}
