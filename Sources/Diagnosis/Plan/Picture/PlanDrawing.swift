internal import Addressing

/// The address space as SVG: bars to the left, names in a column to the right, a line between.
package struct PlanDrawing: Sendable {
  private static let barX = 24
  private static let barWidth = 460
  private static let nameX = 510
  private static let rowHeight = 22
  /// Width of a character of the 13-pixel monospaced face, rounded up.
  private static let characterWidth = 8

  private let request: PlanRequest

  package init(_ request: PlanRequest) { self.request = request }

  /// A whole SVG document.
  package var text: String {
    let map = AddressMap(request.planned + request.taken)
    var body = ""
    var y = 62
    for block in map.blocks { y = draw(block, at: y, &body) }
    let bars = UsageBar.bars(request)
    for bar in bars {
      draw(bar, at: y, &body)
      y += 44
    }
    let names = (request.planned + request.taken).map(\.description) + bars.map(\.text)
    let width = max(960, Self.nameX + (names.map(\.count).max() ?? 0) * Self.characterWidth + 24)
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(y + 8)" viewBox="0 0 \(width) \(y + 8)" \
      font-family="DejaVu Sans Mono, monospace" font-size="13">
      <title>Address plan</title>
      <rect width="100%" height="100%" fill="#ffffff"/>
      \(legend)\(body)</svg>

      """
  }

  private var legend: String {
    var text = ""
    var x = Self.barX
    for role in [PlannedRange.Role.node, .pod, .service, .reserved] {
      let name = role == .reserved ? "taken" : role.rawValue
      text += rectangle(x, 16, 14, 14, Self.fill(role))
      text += label(x + 20, 28, name)
      x += 20 + name.count * Self.characterWidth + 28
    }
    text +=
      "<rect x=\"\(x)\" y=\"16\" width=\"14\" height=\"14\" fill=\"none\" stroke=\"\(Self.conflictColour)\" "
      + "stroke-width=\"2\"/>\n"
    return text + label(x + 20, 28, "conflict")
  }

  private static let conflictColour = "#c62828"

  /// Draws a block and returns where the next one begins.
  private func draw(_ block: AddressMap.Block, at top: Int, _ body: inout String) -> Int {
    body += label(Self.barX, top, "\(block.prefix)", weight: "bold")
    let barTop = top + 10
    let barHeight = 26
    body += rectangle(Self.barX, barTop, Self.barWidth, barHeight, "#f0f0f0")
    var centres: [Double] = []
    let taken = block.ranges.filter { $0.role == .reserved }
    for range in taken + block.ranges.filter({ $0.role != .reserved }) {
      let (x, width) = Self.span(block.extent(of: range.prefix))
      // What is taken fills the lower half where it meets the cluster's ranges, so that both are seen.
      let isCovered =
        range.role == .reserved
        && block.ranges.contains { $0.role != .reserved && $0.prefix.overlaps(range.prefix) }
      body +=
        "<rect x=\"\(Self.text(x))\" y=\"\(barTop + (isCovered ? barHeight : 0))\" width=\"\(Self.text(width))\" "
        + "height=\"\(isCovered ? 6 : barHeight)\" fill=\"\(Self.fill(range.role))\"/>\n"
    }
    for conflict in block.conflicts {
      let (x, width) = Self.span(block.extent(of: conflict))
      body +=
        "<rect x=\"\(Self.text(x - 2))\" y=\"\(barTop - 2)\" width=\"\(Self.text(width + 4))\" "
        + "height=\"\(barHeight + 4)\" fill=\"none\" stroke=\"\(Self.conflictColour)\" stroke-width=\"2\"/>\n"
    }
    for range in block.ranges {
      let (x, width) = Self.span(block.extent(of: range.prefix))
      centres.append(x + width / 2)
    }
    // The rightmost first: its line bends before the others have come down that far.
    let order = centres.indices.sorted { centres[$0] != centres[$1] ? centres[$0] > centres[$1] : $0 < $1 }
    var y = barTop + barHeight + 22
    for index in order {
      let range = block.ranges[index]
      body +=
        "<path d=\"M\(Self.text(centres[index])) \(barTop + barHeight) V\(y - 4) H\(Self.nameX - 8)\" fill=\"none\" "
        + "stroke=\"\(Self.fill(range.role))\"/>\n"
      body += label(Self.nameX, y, range.description)
      y += Self.rowHeight
    }
    return y + 18
  }

  private func draw(_ bar: UsageBar, at top: Int, _ body: inout String) {
    body += label(Self.barX, top, bar.title.trimmed)
    body += rectangle(Self.barX, top + 7, Self.barWidth, 12, "#f0f0f0")
    var start = 0.0
    for part in bar.parts where part.end > start {
      let opacity =
        switch part.part {
        case .reserved: "0.6"
        case .used: "1"
        case .planned: "0.35"
        }
      let x = Double(Self.barX) + start * Double(Self.barWidth)
      body +=
        "<rect x=\"\(Self.text(x))\" y=\"\(top + 7)\" width=\"\(Self.text((part.end - start) * Double(Self.barWidth)))\" "
        + "height=\"12\" fill=\"\(Self.fill(bar.role))\" fill-opacity=\"\(opacity)\"/>\n"
      start = part.end
    }
    body += label(Self.nameX, top + 18, bar.text)
  }

  /// Where a share of the bar is; at least two pixels wide, or nobody sees a /24 in 10.0.0.0/8.
  private static func span(_ extent: (start: Double, end: Double)) -> (x: Double, width: Double) {
    let width = max(2, (extent.end - extent.start) * Double(barWidth))
    let x = min(Double(barX) + extent.start * Double(barWidth), Double(barX + barWidth) - width)
    return (x, width)
  }

  private static func fill(_ role: PlannedRange.Role) -> String {
    switch role {
    case .node: "#2f6fbf"
    case .pod: "#2f9e5a"
    case .service: "#d9822b"
    case .reserved: "#8a8a8a"
    }
  }

  private func rectangle(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ fill: String) -> String {
    "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" fill=\"\(fill)\"/>\n"
  }

  private func label(_ x: Int, _ y: Int, _ text: String, weight: String? = nil) -> String {
    let weight = weight.map { " font-weight=\"\($0)\"" } ?? ""
    return "<text x=\"\(x)\" y=\"\(y)\"\(weight)>\(Self.escaped(text))</text>\n"
  }

  /// XML's own characters and what XML 1.0 cannot hold: names come from files.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A coordinate with one decimal.
  private static func text(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}

extension String {
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
