import Addressing
import Glibc
import JSON
import Linux
import Testing

@testable import PodNetwork

/// Any sequence of what may happen to a lease folder, against a model of who holds what.
@Suite struct LeasePropertyTests {
  /// The same sequence for the same seed (xorshift64*).
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return state &* 0x2545_F491_4F6C_DD1D
    }
  }

  @Test(arguments: [3, 1415, 926535, 8979323])
  func whatIsLeasedIsWhatTheModelSays(seed: UInt64) throws {
    try LeaseTests.withStore { store in
      var generator = Generator(state: seed)
      let sets = [
        try LeaseTests.set([["subnet": "10.0.0.0/28", "exclude": ["10.0.0.7"]]]),
        try LeaseTests.set([["subnet": "fd00::/124"]]),
      ]
      let pods = (0..<16).map { LeaseStore.Attachment(containerID: "pod\($0)", interfaceName: "eth\($0 % 2)") }
      var model: [LeaseStore.Attachment: [IPAddress]] = [:]
      var justReleased: [IPAddress] = []
      func free(_ set: LeaseRangeSet) -> Int { Int(set.capacity) - model.values.joined().count { set.gives($0) } }

      for step in 0..<600 {
        let pod = pods.randomElement(using: &generator)!
        var released: [IPAddress] = []
        switch Int.random(in: 0..<12, using: &generator) {
        case 0..<5:
          // A runtime calls DEL before it tries ADD again.
          guard model[pod] == nil else { continue }
          let isPossible = sets.allSatisfy { free($0) > 0 }
          let hasChoice = sets.allSatisfy { free($0) > 1 }
          do {
            let addresses = try store.lease(sets, to: pod)
            #expect(isPossible && addresses.map(\.family) == [.v4, .v6])
            #expect(addresses.allSatisfy { address in sets.contains { $0.gives(address) } })
            if hasChoice { #expect(addresses.allSatisfy { !justReleased.contains($0) }, "step \(step): \(addresses)") }
            model[pod] = addresses
          } catch let error as CNIError {
            #expect(error.code == .exhausted && !isPossible, "step \(step): \(error)")
          }
        case 5..<9:
          released = try store.release(pod)
          #expect(Set(released) == Set(model[pod] ?? []), "step \(step)")
          model[pod] = nil
        case 9:
          let valid = Set(pods.filter { _ in Int.random(in: 0..<8, using: &generator) > 0 })
          released = try store.release(allBut: valid)
          #expect(Set(released) == Set(model.filter { !valid.contains($0.key) }.values.joined()), "step \(step)")
          model = model.filter { valid.contains($0.key) }
        case 10:
          // Somebody cleans up what he does not know.
          try Files.removeTree("\(store.directory)/.swiftlet/holders")
        default:
          // An ADD is killed halfway.
          guard model[pod] == nil,
            let address = sets[0].candidates(after: nil).first(where: { candidate in
              !model.values.joined().contains { $0 == candidate }
            })
          else { continue }
          try Files.makeDirectories("\(store.directory)/.swiftlet")
          try store.index.begin(LeaseRecord(pod, boot: "-", pod: nil, addresses: [address, IPAddress("fd00::f")!]))
          try Files.write("\(store.directory)/\(address)", LeaseFile.Content.text(pod))
          try store.settle()
        }
        justReleased = released
        let found = Dictionary(grouping: try store.leases(), by: \.holder).mapValues { Set($0.map(\.address)) }
        #expect(found == model.mapValues { Set($0) }, "step \(step)")
        #expect(try store.index.interrupted() == nil)
      }
    }
  }
}
