internal import Glibc

/// A regular expression over names, as operators write them in Corefiles. It is compiled by the C library as POSIX
/// extended: matching takes no time that a client could make long. @unchecked: regexec may be called by several threads.
package final class Pattern: @unchecked Sendable {
  package struct PatternError: Error, CustomStringConvertible {
    package let description: String
  }

  private var compiled = regex_t()
  /// Numbers of the groups by name, and of those by number that the expression's author counts.
  private let names: [String: Int]
  private let groups: [Int]

  package init(_ text: String) throws(PatternError) {
    let translated = try Self.translate(text)
    names = translated.names
    groups = translated.groups
    let code = regcomp(&compiled, translated.text, REG_EXTENDED | REG_ICASE)
    guard code == 0 else {
      throw PatternError(description: "\"\(text)\" is no regular expression that is understood here (POSIX extended)")
    }
  }

  deinit { regfree(&compiled) }

  /// The whole match and the groups; nil where nothing matches.
  struct Match {
    /// Of the text, as bytes.
    var range: Range<Int>
    var groups: [String]
    var names: [String: String]
  }

  func match(_ text: String) -> Match? {
    let count = (groups.max() ?? 0) + 1
    var places = [regmatch_t](repeating: regmatch_t(), count: count)
    let bytes = Array(text.utf8)
    guard regexec(&compiled, text, count, &places, 0) == 0 else { return nil }
    func part(_ index: Int) -> String {
      let place = places[index]
      guard place.rm_so >= 0 else { return "" }
      return String(decoding: bytes[Int(place.rm_so)..<Int(place.rm_eo)], as: UTF8.self)
    }
    return Match(
      range: Int(places[0].rm_so)..<Int(places[0].rm_eo), groups: [part(0)] + groups.map(part),
      names: names.mapValues(part))
  }

  /// Named and unnamed groups become POSIX ones, `\d`, `\w` and `\s` their classes; what has no POSIX form is an error.
  private static func translate(_ text: String) throws(PatternError) -> (
    text: String, names: [String: Int], groups: [Int]
  ) {
    var result = ""
    var names: [String: Int] = [:]
    var groups: [Int] = []
    var count = 0
    var rest = text[...]
    if rest.hasPrefix("(?i)") { rest = rest.dropFirst(4) }
    while let character = rest.popFirst() {
      switch character {
      case "\\":
        guard let next = rest.popFirst() else { throw PatternError(description: "\"\(text)\" ends with a backslash") }
        switch next {
        case "d": result += "[0-9]"
        case "w": result += "[0-9A-Za-z_]"
        case "s": result += "[[:space:]]"
        case _ where next.isLetter || next.isNumber:
          throw PatternError(description: "\"\(text)\": \\\(next) is not known here; write the class of characters out")
        default: result += "\\\(next)"
        }
      case "(":
        count += 1
        result += "("
        guard rest.hasPrefix("?") else {
          groups.append(count)
          continue
        }
        if rest.hasPrefix("?:") {
          rest = rest.dropFirst(2)
        } else if rest.hasPrefix("?P<") || rest.hasPrefix("?<"), let end = rest.firstIndex(of: ">"),
          let start = rest.firstIndex(of: "<")
        {
          groups.append(count)
          names[String(rest[rest.index(after: start)..<end])] = count
          rest = rest[rest.index(after: end)...]
        } else {
          throw PatternError(description: "\"\(text)\": groups with (?\(rest.dropFirst().prefix(1)) are not known here")
        }
      case "*", "+", "?":
        if rest.first == "?" {
          throw PatternError(
            description: "\"\(text)\": lazy \(character)? is not known here; exclude characters instead")
        }
        result.append(character)
      default: result.append(character)
      }
    }
    return (result, names, groups)
  }
}
