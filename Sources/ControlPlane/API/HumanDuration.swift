/// How long something took or is ago, as kubectl writes it (apimachinery `duration.HumanDuration`).
package enum HumanDuration {
  /// Whole seconds as text: 119s, 2m5s, 179m, 3h3m, 47h, 2d2h, 729d.
  package static func text(_ seconds: Int) -> String {
    if seconds < 0 { return seconds < -1 ? "<invalid>" : "0s" }
    if seconds < 120 { return "\(seconds)s" }
    let minutes = seconds / 60
    if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
    if minutes < 180 { return "\(minutes)m" }
    let hours = minutes / 60
    if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
    if hours < 48 { return "\(hours)h" }
    if hours < 192 { return hours % 24 == 0 ? "\(hours / 24)d" : "\(hours / 24)d\(hours % 24)h" }
    if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
    let days = hours / 24
    if days < 365 * 8 { return days % 365 == 0 ? "\(days / 365)y" : "\(days / 365)y\(days % 365)d" }
    return "\(days / 365)y"
  }
}
