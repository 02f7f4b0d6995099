/// A table for people: columns as wide as their widest cell, two spaces apart, as kubectl prints them.
package struct TextTable: Sendable {
  private var rows: [[String]]

  package init(_ headings: String...) { rows = [headings] }

  package mutating func add(_ cells: String...) { rows.append(cells) }

  /// Nothing but the headings.
  package var isEmpty: Bool { rows.count == 1 }

  /// One line a row, without spaces at the ends, each line ended.
  package var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        if column + 1 < row.count { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
