internal import Addressing

/// The address space as lines of characters: a bar for each block, and a line from each range to its name.
struct TextPicture {
  let width: Int
  let hasColour: Bool

  /// One cell of a bar.
  private enum Cell: Hashable {
    case free
    case range(PlannedRange.Role)
    case conflict
  }

  func lines(_ request: PlanRequest) -> [String] {
    var lines: [String] = []
    for block in AddressMap(request.planned + request.taken).blocks {
      if !lines.isEmpty { lines.append("") }
      lines += self.lines(block)
    }
    let bars = UsageBar.bars(request)
    if !bars.isEmpty { lines += [""] + self.lines(bars) }
    lines += ["", legend]
    return lines
  }

  private var legend: String {
    let samples = [PlannedRange.Role.node, .pod, .service, .reserved].map {
      "\(paint(.range($0))) \($0 == .reserved ? "taken" : $0.rawValue)"
    }
    return samples.joined(separator: "  ") + "  \(paint(.conflict)) conflict  \(paint(.free)) free"
  }

  /// Cells of the bar: what the longest name leaves, but enough to see something.
  private func barWidth(names: [String]) -> Int {
    let name = names.map(\.count).max() ?? 0
    return max(24, min(width - name - 5, 72))
  }

  private func lines(_ block: AddressMap.Block) -> [String] {
    let names = block.ranges.map(\.description)
    let count = barWidth(names: names)
    var cells = Array(repeating: Cell.free, count: count)
    var columns: [Int] = []
    // What is taken is drawn first, and smaller ranges over larger ones of their own kind.
    let order = block.ranges.indices.sorted {
      let (left, right) = (block.ranges[$0], block.ranges[$1])
      if (left.role == .reserved) != (right.role == .reserved) { return left.role == .reserved }
      return left.prefix < right.prefix
    }
    for index in order {
      let range = block.ranges[index]
      for cell in Self.cells(block.extent(of: range.prefix), count) { cells[cell] = .range(range.role) }
    }
    for conflict in block.conflicts {
      for cell in Self.cells(block.extent(of: conflict), count) { cells[cell] = .conflict }
    }
    for range in block.ranges {
      let extent = Self.cells(block.extent(of: range.prefix), count)
      columns.append(extent.lowerBound + (extent.count - 1) / 2)
    }
    let scale = "\(block.prefix)"
    return [scale, cells.map(paint).joined()] + leaders(columns, names, count)
  }

  /// The rightmost range's name first, so that no line crosses another.
  private func leaders(_ columns: [Int], _ names: [String], _ count: Int) -> [String] {
    let order = columns.indices.sorted { columns[$0] != columns[$1] ? columns[$0] > columns[$1] : $0 < $1 }
    var lines: [String] = []
    for (row, index) in order.enumerated() {
      let waiting = Set(order[(row + 1)...].map { columns[$0] })
      var line = ""
      for column in 0...(count + 1) {
        if column < columns[index] {
          line += waiting.contains(column) ? "│" : " "
        } else if column == columns[index] {
          line += waiting.contains(column) ? "├" : "└"
        } else {
          line += "─"
        }
      }
      lines.append(line + " " + names[index])
    }
    return lines
  }

  /// The cells a share of the bar covers; at least one.
  private static func cells(_ extent: (start: Double, end: Double), _ count: Int) -> Range<Int> {
    let first = min(count - 1, Int(extent.start * Double(count)))
    let last = min(count, Int((extent.end * Double(count)).rounded(.up)))
    return first..<max(first + 1, last)
  }

  private func lines(_ bars: [UsageBar]) -> [String] {
    let titleWidth = bars.map(\.title.count).max() ?? 0
    let textWidth = bars.map(\.text.count).max() ?? 0
    let count = max(12, min(width - titleWidth - textWidth - 4, 48))
    return bars.map { bar in
      var cells = Array(repeating: "·", count: count)
      var start = 0
      for part in bar.parts {
        let share = part.end > 0 ? max(1, Int((part.end * Double(count)).rounded())) : 0
        let glyph =
          switch part.part {
          case .reserved: "▒"
          case .used: "█"
          case .planned: "▓"
          }
        for index in start..<max(start, min(count, share)) { cells[index] = colour(glyph, bar.role) }
        start = max(start, share)
      }
      let title = bar.title + String(repeating: " ", count: titleWidth - bar.title.count)
      return "\(title)  \(cells.joined())  \(bar.text)"
    }
  }

  private func paint(_ cell: Cell) -> String {
    switch cell {
    case .free: "·"
    case .conflict: hasColour ? "\u{1B}[31;1m!\u{1B}[0m" : "!"
    case .range(let role): colour(Self.glyph(role), role)
    }
  }

  private static func glyph(_ role: PlannedRange.Role) -> String {
    switch role {
    case .node: "▒"
    case .pod: "█"
    case .service: "▓"
    case .reserved: "░"
    }
  }

  private func colour(_ text: String, _ role: PlannedRange.Role) -> String {
    guard hasColour else { return text }
    let code =
      switch role {
      case .node: "34"
      case .pod: "32"
      case .service: "33"
      case .reserved: "90"
      }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}
