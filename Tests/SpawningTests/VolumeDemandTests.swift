import Testing

@testable import Spawning

@Suite struct VolumeDemandTests {
  private let start = ContinuousClock.now

  @Test func `the default size is always wanted, another from the first time that it is asked for`() {
    var demand = VolumeDemand(target: 2)
    #expect(demand.wanted(512) == 2 && demand.wanted(1_024) == 0)
    demand.note(1_024, missed: true, at: start)
    #expect(demand.wanted(1_024) == 2 && demand.sizes == [512, 1_024])
  }

  @Test func `a size that nobody has asked for in a while is forgotten`() {
    var demand = VolumeDemand(target: 2)
    demand.note(1_024, missed: true, at: start)
    demand.note(2_048, missed: true, at: start + .seconds(60))
    #expect(demand.forget(at: start + .seconds(1)) == start + VolumeDemand.memory)
    #expect(demand.forget(at: start + VolumeDemand.memory) == start + .seconds(60) + VolumeDemand.memory)
    #expect(demand.sizes == [512, 2_048])
    #expect(demand.forget(at: start + .seconds(60) + VolumeDemand.memory) == nil)
    #expect(demand.sizes == [512] && demand.wanted(512) == 2)
  }

  @Test func `who finds none ready makes more wanted, within bounds and for a time`() {
    var demand = VolumeDemand(target: 2)
    for _ in 0..<100 { demand.note(512, missed: true, at: start) }
    #expect(demand.wanted(512) == 8)
    demand.note(512, missed: false, at: start + .seconds(500))
    _ = demand.forget(at: start + VolumeDemand.memory)
    #expect(demand.wanted(512) == 2)
  }

  @Test func `of many sizes the latest are kept`() {
    var demand = VolumeDemand(target: 1)
    for number in 0..<100 as Range<UInt32> { demand.note(600 + number, missed: true, at: start + .seconds(Int(number))) }
    #expect(demand.sizes == Set(692...699).union([512]))
  }

  @Test func `a pool of none keeps none`() {
    var demand = VolumeDemand(target: 0)
    for _ in 0..<3 { demand.note(1_024, missed: true, at: start) }
    #expect(demand.wanted(1_024) == 0 && demand.wanted(512) == 0)
  }
}
