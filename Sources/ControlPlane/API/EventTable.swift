internal import JSON

enum EventTable {
  static let printer = TablePrinter(
    "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count#* Name*"
  ) { event, now in
    func time(_ fields: [JSON]) -> JSON {
      TablePrinters.since(fields.first { !$0.isNull } ?? .null, now)
    }
    let series = event["series"]
    let about = event["involvedObject"]
    let source = [
      event["source", "component"].string ?? event["reportingComponent"].string, event["source", "host"].string,
    ].compactMap { $0 }.filter { !$0.isEmpty }
    let count = series["count"].int ?? event["count"].int ?? 1
    let message = (event["message"].string ?? "").split(separator: "\n", omittingEmptySubsequences: false).joined(
      separator: " ")
    return [
      time([series["lastObservedTime"], event["lastTimestamp"], event["eventTime"]]), TablePrinters.text(event["type"]),
      TablePrinters.text(event["reason"]),
      .string("\((about["kind"].string ?? "").lowercased())/\(about["name"].string ?? "")"),
      TablePrinters.text(about["fieldPath"]), .string(source.joined(separator: ", ")), .string(message),
      time([event["firstTimestamp"], event["eventTime"]]), .int(Int64(max(count, 1))), TablePrinters.name(event),
    ]
  }
}
