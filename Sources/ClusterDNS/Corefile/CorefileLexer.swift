/// Why a Corefile cannot be used.
package struct CorefileError: Error, Hashable, CustomStringConvertible {
  package let line: Int
  package let reason: String
  package var description: String { "Corefile line \(line): \(reason)" }
}

/// A directive with its arguments and what stands in its braces.
struct CorefileDirective {
  var words: [String]
  var line: Int
  var body: [CorefileDirective] = []

  var name: String { words[0] }
  var arguments: ArraySlice<String> { words.dropFirst() }
}

/// Takes a Corefile's text apart: lines of words, comments from `#` on, quoted words, blocks in braces, snippets in
/// parentheses with `import`, and environment variables as `{$NAME}`.
struct CorefileLexer {
  private struct Line {
    var words: [String]
    var number: Int
  }

  private var lines: [Line] = []
  private var next = 0
  /// Deeper nesting than any directive has.
  private static let deepest = 8

  /// The server blocks: their keys as words, their directives as body.
  static func blocks(_ text: String, environment: [String: String]) throws(CorefileError) -> [CorefileDirective] {
    var lexer = CorefileLexer()
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = try words(line, index + 1, environment)
      if !words.isEmpty { lexer.lines.append(Line(words: words, number: index + 1)) }
    }
    var blocks: [CorefileDirective] = []
    var snippets: [String: [CorefileDirective]] = [:]
    while lexer.next < lexer.lines.count {
      let block = try lexer.directive(depth: 0)
      let isSnippet = block.words.count == 1 && block.name.hasPrefix("(") && block.name.hasSuffix(")")
      guard !isSnippet else {
        snippets[String(block.name.dropFirst().dropLast())] = block.body
        continue
      }
      var whole = block
      whole.body = try imported(block.body, snippets)
      blocks.append(whole)
    }
    return blocks
  }

  private static func imported(
    _ body: [CorefileDirective], _ snippets: [String: [CorefileDirective]]
  ) throws(CorefileError) -> [CorefileDirective] {
    var result: [CorefileDirective] = []
    for directive in body {
      guard directive.name == "import" else {
        result.append(directive)
        continue
      }
      guard directive.words.count == 2, let snippet = snippets[directive.words[1]] else {
        throw CorefileError(
          line: directive.line,
          reason: "import \(directive.arguments.joined(separator: " ")): there is no snippet of that name before this "
            + "line; files are not imported")
      }
      result += snippet
    }
    return result
  }

  /// A line, and if it ends with an opening brace all lines up to the closing one.
  private mutating func directive(depth: Int) throws(CorefileError) -> CorefileDirective {
    let line = lines[next]
    next += 1
    guard line.words != ["}"] else {
      throw CorefileError(line: line.number, reason: "a closing brace without an opening one")
    }
    guard line.words.last == "{" else {
      // Keys of a server block may go on after a comma.
      if depth == 0, line.words.last?.hasSuffix(",") == true, next < lines.count {
        var rest = try directive(depth: depth)
        rest.words = line.words + rest.words
        return rest
      }
      return CorefileDirective(words: line.words, line: line.number)
    }
    guard line.words.count > 1 else {
      throw CorefileError(line: line.number, reason: "a brace without a name before it")
    }
    guard depth < Self.deepest else { throw CorefileError(line: line.number, reason: "braces are nested too deep") }
    var result = CorefileDirective(words: Array(line.words.dropLast()), line: line.number)
    while true {
      guard next < lines.count else {
        throw CorefileError(line: line.number, reason: "the brace opened here is never closed")
      }
      if lines[next].words == ["}"] {
        next += 1
        return result
      }
      result.body.append(try directive(depth: depth + 1))
    }
  }

  private static func words(_ line: Substring, _ number: Int, _ environment: [String: String]) throws(CorefileError)
    -> [String]
  {
    var words: [String] = []
    var word: String?
    var isQuoted = false
    var isEscaped = false
    for character in line {
      if isEscaped {
        word = (word ?? "") + (character == "\"" ? "\"" : "\\\(character)")
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        isQuoted.toggle()
        word = word ?? ""
      } else if !isQuoted, character == "#", word == nil {
        break
      } else if !isQuoted, character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard !isQuoted else { throw CorefileError(line: number, reason: "a quotation mark has no end on its line") }
    if isEscaped { word = (word ?? "") + "\\" }
    if let done = word { words.append(done) }
    return words.map { expand($0, environment) }
  }

  private static func expand(_ word: String, _ environment: [String: String]) -> String {
    guard let start = word.firstRange(of: "{$"), let end = word[start.upperBound...].firstIndex(of: "}") else {
      return word
    }
    let value = environment[String(word[start.upperBound..<end])] ?? ""
    return word[..<start.lowerBound] + value + word[word.index(after: end)...]
  }
}
