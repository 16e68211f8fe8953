import AdminAPI
import Environments
import FoundationEssentials
import FunctionModel
import LambdaAPI
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import Sandboxing
import Scheduling
import RoleCredentials
import ServiceLifecycle
import SpawnProtocol
import Store
import Synchronization
import UnixSignals

/// Wires the rooms and runs them until it is told to stop.
struct Supervisor {
  private let configuration: Configuration
  private let logger = Logger(label: "roost")

  init(_ configuration: Configuration) {
    self.configuration = configuration
  }

  private var stateDirectory: String { configuration.stateDirectory }

  func run() async throws {
    let spawnerEnd = AsyncStream<Void>.makeStream()
    let spawnerIsGone = Flag()
    let spawner = try connect {
      spawnerIsGone.raise()
      spawnerEnd.continuation.finish()
    }
    let catalog = try Catalog(path: "\(stateDirectory)/roost.sqlite")
    let retention = JournalRetention(bytes: Int64(configuration.journalLimit.bytes))
    let journal = try Journal(path: "\(stateDirectory)/journal.sqlite", retention: retention)
    let unpacker = SandboxedUnpacker(
      spawner: spawner, catalog: catalog, userIDs: configuration.scheduling.userIDs, logger: Logger(label: "roost.unpacker"))
    let artifacts = try ArtifactStore(
      directory: "\(stateDirectory)/artifacts", unpacker: unpacker, reserve: configuration.diskReserve.bytes)
    try await tidyUp(catalog, journal, artifacts)

    warnOfOvercommitment()
    let images = runtimeImages()
    let cpus = ProcessInfo.processInfo.processorCount
    let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, cpus / 2))
    let tokens = SecurityTokenService()
    let credentials = roleCredentials(tokens)
    let dispatcher = Dispatcher(
      configuration: configuration.scheduling,
      host: EnvironmentHost(
        spawner: spawner, images: images, artifacts: "\(stateDirectory)/artifacts", cpus: cpus,
        networks: configuration.network.definitions, availabilityZoneID: configuration.availabilityZoneID, credentials: credentials,
        logger: Logger(label: "roost.environments")),
      catalog: catalog, journal: journal, eventLoops: eventLoops, logger: Logger(label: "roost.dispatcher"))
    let events = EventRunner(
      queue: EventQueue(catalog), catalog: catalog, dispatcher: dispatcher, timeScale: configuration.eventTimeScale,
      logger: Logger(label: "roost.events"), deliveryWaits: {})
    try await events.start()
    let front = try front(images)
    let service = LambdaService(
      catalog: catalog, artifacts: artifacts, invoker: HostInvoker(dispatcher: dispatcher, events: events), configuration: front,
      logger: Logger(label: "roost.api"))
    let security = SecurityFacts(configuration, front.authentication, retention)
    let desk = AdminDesk(dispatcher: dispatcher, catalog: catalog, journal: journal, facts: facts(images, security))
    let servers = ServerServices(configuration: configuration, service: service, desk: desk, eventLoops: eventLoops)
    let collector = ArtifactCollector(
      catalog: catalog, artifacts: artifacts, dispatcher: dispatcher, logger: Logger(label: "roost.artifacts"))
    // The group stops its services from the last to the first: running invocations end before the servers that must answer them.
    let drain = Drain(dispatcher: dispatcher, events: events, limit: configuration.drainTimeout, isPointless: spawnerIsGone)
    try await serve(servers.all + [collector, drain], until: spawnerEnd.stream)
    try await tokens.shutDown()
    await journal.close()
    try await catalog.close()
    try await eventLoops.shutdownGracefully()
    logger.info("stopped")
  }

  /// Takes the socket that roostd left for us.
  private func connect(onEnd: @escaping @Sendable () -> Void) throws -> SandboxSpawner {
    let socket = Descriptor(owning: SpawnProtocol.supervisorDescriptor)
    do {
      return try SandboxSpawner(
        socket: socket, watcher: try DescriptorWatcher(), logger: Logger(label: "roost.spawner"), onEnd: onEnd)
    } catch {
      throw StartError("descriptor 3 is no socket to roostd (\(error)): start roostd, which starts this program")
    }
  }

  /// What an earlier run left unfinished is finished; nothing of it lives any more, roostd has seen to that.
  private func tidyUp(_ catalog: Catalog, _ journal: Journal, _ artifacts: ArtifactStore) async throws {
    try await catalog.releaseAllUserIDs()
    try await journal.closeInterruptedEnvironments()
    let interrupted = try await catalog.updateStateOfInterruptedFunctions { artifacts.isComplete($0) }
    for function in interrupted { logger.notice("settled the interrupted transition of \(function.name)") }
    // Nothing is being uploaded yet, so what no function has, however young, is what a crash left of an upload, a change or a deletion.
    try await artifacts.collect(keeping: catalog.referencedArtifacts(), olderThan: .zero)
  }

  /// A budget that an administrator names is the environments' alone.
  private func warnOfOvercommitment() {
    let promised = configuration.scheduling.budget.memory + HostFactsReader.unpackers
    guard promised > HostFactsReader.totalMemory() else { return }
    logger.warning(
      "memory-budget and the \(HostFactsReader.unpackers.bytes >> 20) MB of two unpackers are more than the host's memory: when all of it is used the kernel ends environments"
    )
  }

  private func runtimeImages() -> RuntimeImages {
    var problems = [String]()
    let images = RuntimeImages(directory: configuration.runtimesDirectory, problems: &problems)
    for problem in problems { logger.warning("\(problem)") }
    if images.runtimes.isEmpty {
      logger.warning("no runtime image in \(configuration.runtimesDirectory): tools/build-rootfs makes them")
    }
    return images
  }

  private func roleCredentials(_ service: SecurityTokenService) -> RoleCredentialStore {
    let roles = configuration.roles
    if let file = configuration.file, roles.hasSecrets, (try? file.isReadableByAll) == true {  // it was read a moment ago
      logger.warning("\(file) has secret keys in it and may be read by every user: chmod o= \(file)")
    }
    return RoleCredentialStore(sources: roles.sources, service: service, logger: Logger(label: "roost.credentials"))
  }

  private func front(_ images: RuntimeImages) throws -> FrontConfiguration {
    let authentication: FrontConfiguration.Authentication
    if configuration.isAuthenticated {
      authentication = .signatureV4(try CredentialStore(path: "\(stateDirectory)/credentials"))
    } else {
      logger.warning("authentication is off: whoever reaches \(configuration.host):\(configuration.port) may do everything")
      authentication = .none
    }
    return FrontConfiguration(
      host: configuration.host, port: configuration.port, owner: configuration.owner, authentication: authentication,
      runtimes: Dictionary(uniqueKeysWithValues: images.runtimes.map { ($0, images[$0]?.tree?.hexadecimal) }),
      concurrencyLimit: configuration.scheduling.concurrencyLimit, networks: configuration.network.definitions)
  }

  private func facts(_ images: RuntimeImages, _ security: SecurityFacts) -> HostFacts {
    let scheduling = configuration.scheduling
    return HostFacts(
      version: Version.text, started: WallClock.milliseconds(), stateDirectory: stateDirectory,
      endpoint: "http://\(configuration.host):\(configuration.port)", owner: configuration.owner,
      runtimes: images.runtimes.map(\.identifier),
      capacity: HostCapacity(
        concurrencyLimit: scheduling.concurrencyLimit, concurrencyInUse: 0, memoryBudget: scheduling.budget.memory,
        memoryCommitted: MemorySize(bytes: 0), diskBudget: scheduling.budget.disk, diskCommitted: MemorySize(bytes: 0)),
      security: security)
  }

  /// Runs the servers until SIGTERM, SIGINT or the end of roostd.
  private func serve(_ services: [any Service], until spawnerEnd: AsyncStream<Void>) async throws {
    let group = ServiceGroup(
      configuration: .init(
        services: services.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
        gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "roost.services")))
    try await withThrowingTaskGroup { tasks in
      tasks.addTask {
        for await _ in spawnerEnd {}
        if !Task.isCancelled { await group.triggerGracefulShutdown() }
      }
      defer { tasks.cancelAll() }
      try await group.run()
    }
  }
}

/// On shutdown: no new invocation, some time for the running ones, then the end of every environment.
private struct Drain: Service {
  let dispatcher: Dispatcher
  let events: EventRunner
  let limit: Duration
  /// roostd is gone, and every sandbox with it: there is nothing to wait for.
  let isPointless: Flag

  func run() async {
    // Only cancellation throws, and that is an end too.
    try? await gracefulShutdown()
    await events.stop()
    await dispatcher.shutDown(within: isPointless.isRaised ? .zero : limit)
  }
}

/// Something that happens at most once, on any thread.
final class Flag: Sendable {
  private let state = Atomic(false)
  var isRaised: Bool { state.load(ordering: .acquiring) }
  func raise() { state.store(true, ordering: .releasing) }
}

/// The daemon cannot start, in words.
struct StartError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Runs what is to run now, and keeps what is to run later.
private struct HostInvoker: Invoker {
  let dispatcher: Dispatcher
  let events: EventRunner

  func invoke(
    _ request: InvocationRequest, on eventLoop: any EventLoop, completion: @escaping @Sendable (InvocationResult) -> Void
  ) {
    dispatcher.invoke(request, on: eventLoop, completion: completion)
  }

  func accept(_ event: QueuedEvent) async throws(ServiceError) {
    do throws(CatalogError) { try await events.accept(event) } catch {
      throw .service(
        error.isOutOfSpace ? "The event could not be kept: the host's disk is full" : "The event could not be kept: \(error)")
    }
  }

  func functionChanged(_ id: FunctionID) { dispatcher.functionChanged(id) }
}
extension RoleCredentialStore: RoleCredentialSource {}

extension String {
  /// Whether the mode of the file at this path lets others read it.
  fileprivate var isReadableByAll: Bool {
    get throws { (try FileManager.default.attributesOfItem(atPath: self)[.posixPermissions] as? Int ?? 0) & 0o004 != 0 }
  }
}
