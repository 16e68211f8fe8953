// swift-tools-version: 6.2
// Roost: a self-hosted, AWS-Lambda-compatible serverless host for Linux.
//
// The targets are the rooms of Sources/Roost.docc/Modules.md; the build refuses an import that is not declared here.

import PackageDescription

/// Tests stand in for clients and kernels, and may touch pointers without a word.
let testHouse: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let house = testHouse + [.strictMemorySafety()]
let cHouse: [CSetting] = [
  .treatAllWarnings(as: .error),
  .define("_GNU_SOURCE"),
]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

let package = Package(
  name: "roost",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "roost", targets: ["roost"]),
    .executable(name: "roostd", targets: ["roostd"]),
    .executable(name: "roost-supervisor", targets: ["roost-supervisor"]),
    .executable(name: "roost-unpack", targets: ["roost-unpack"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-async-algorithms.git", from: "1.1.4"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
  ],
  targets: [
    // Values.
    .target(name: "FunctionModel", swiftSettings: house),
    .target(name: "SpawnProtocol", swiftSettings: house),
    .target(name: "ArchiveStream", swiftSettings: house),

    // The kernel.
    .target(name: "CLinux", cSettings: cHouse),
    .target(name: "LinuxSystem", dependencies: ["CLinux"], swiftSettings: house),
    .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    .systemLibrary(name: "CCapabilities", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CSandbox", dependencies: ["CSeccomp", "CCapabilities"], cSettings: cHouse),

    // The privileged side.
    .target(
      name: "Spawning", dependencies: ["SpawnProtocol", "LinuxSystem", "CSandbox"],
      swiftSettings: house),
    .executableTarget(
      name: "roostd", dependencies: ["Spawning"], swiftSettings: house),

    .executableTarget(
      name: "sandbox-bench", dependencies: ["Spawning", "SpawnProtocol", "LinuxSystem"], path: "tools/Benchmarks/sandbox-bench",
      swiftSettings: house),

    // The confined side. The program is static, since there is no library in its sandbox; no test may depend on it, or it would be static too.
    .target(name: "Unpacking", dependencies: ["ArchiveStream", "CZlib"], swiftSettings: house),
    .executableTarget(
      name: "roost-unpack", dependencies: ["ArchiveStream", "LinuxSystem", "Unpacking"], swiftSettings: house,
      linkerSettings: [.unsafeFlags(["-static-executable"])]),

    // The unprivileged side.
    .target(
      name: "Store", dependencies: ["FunctionModel", "ArchiveStream", "CLinux", grdb, crypto, logging],
      swiftSettings: house),
    .target(name: "Signing", dependencies: [crypto, .product(name: "HTTPTypes", package: "swift-http-types")], swiftSettings: house),
    .target(
      name: "RoleCredentials",
      dependencies: [
        "FunctionModel", "Signing", crypto, logging,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ] + nio,
      swiftSettings: house),
    .target(
      name: "RuntimeAPI", dependencies: ["FunctionModel", logging] + nio, swiftSettings: house),
    .target(
      name: "Sandboxing",
      dependencies: ["FunctionModel", "SpawnProtocol", "LinuxSystem", logging],
      swiftSettings: house),
    .target(
      name: "Environments",
      dependencies: ["FunctionModel", "RuntimeAPI", "Sandboxing", "SpawnProtocol", logging] + nio,
      swiftSettings: house),
    .target(
      name: "Scheduling",
      dependencies: ["ArchiveStream", "FunctionModel", "Store", "Sandboxing", "Environments", logging] + nio,
      swiftSettings: house),
    .target(
      name: "LambdaAPI",
      dependencies: [
        "FunctionModel", "Scheduling", "Signing", "Store", crypto, logging,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
      ] + nio,
      swiftSettings: house),
    .target(
      name: "AdminAPI",
      dependencies: [
        "FunctionModel", logging,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + nio,
      swiftSettings: house),
    .executableTarget(
      name: "roost-supervisor",
      dependencies: [
        "FunctionModel", "Store", "SpawnProtocol", "Sandboxing", "LinuxSystem", "Environments", "RoleCredentials", "Scheduling",
        "Signing", "LambdaAPI", "AdminAPI", logging,
        argumentParser,
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ] + nio,
      swiftSettings: house),

    // The administrator's command line.
    .executableTarget(
      name: "roost",
      dependencies: [
        "FunctionModel", "LinuxSystem", crypto,
        argumentParser,
      ] + nio,
      swiftSettings: house),

    // Tests. What a test target does is its folder's first file.
    .testTarget(name: "FunctionModelTests", dependencies: ["FunctionModel"], swiftSettings: testHouse),
    .testTarget(name: "SpawnProtocolTests", dependencies: ["SpawnProtocol"], swiftSettings: testHouse),
    .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem", "CLinux"], swiftSettings: testHouse),
    .testTarget(
      name: "StoreTests",
      dependencies: [
        "Store", "FunctionModel", "ArchiveStream", "Unpacking", grdb, crypto, logging,
        .product(name: "InMemoryLogging", package: "swift-log"),
      ],
      swiftSettings: testHouse),
    .testTarget(
      name: "SpawningTests", dependencies: ["Spawning", "SpawnProtocol", "LinuxSystem"], exclude: ["Programs"], swiftSettings: testHouse),
    .testTarget(
      name: "SandboxingTests", dependencies: ["Sandboxing", "FunctionModel", "SpawnProtocol", "LinuxSystem", logging],
      swiftSettings: testHouse),
    .testTarget(
      name: "EnvironmentsTests",
      dependencies: ["Environments", "Sandboxing", "FunctionModel", "SpawnProtocol", "LinuxSystem", logging] + nio,
      swiftSettings: testHouse),
    .testTarget(
      name: "AdminAPITests",
      dependencies: ["AdminAPI", "roost", "FunctionModel", subprocess, logging, .product(name: "Hummingbird", package: "hummingbird")]
        + nio, swiftSettings: testHouse),
    .testTarget(
      name: "LambdaAPITests",
      dependencies: [
        "ArchiveStream", "FunctionModel", "Scheduling", "Signing", "Store", "LambdaAPI", "Unpacking", crypto, logging,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + nio,
      exclude: ["Fixtures"], swiftSettings: testHouse),
    .testTarget(
      name: "RoostCommandTests", dependencies: ["roost", "FunctionModel", "LinuxSystem", argumentParser, subprocess] + nio,
      exclude: ["Golden"], swiftSettings: testHouse),
    .testTarget(
      name: "RoleCredentialsTests",
      dependencies: ["RoleCredentials", "FunctionModel", "Signing", logging, .product(name: "HTTPTypes", package: "swift-http-types")],
      swiftSettings: testHouse),
    .testTarget(name: "RuntimeAPITests", dependencies: ["RuntimeAPI", "FunctionModel", logging] + nio, swiftSettings: testHouse),
    .testTarget(
      name: "SchedulingTests",
      dependencies: ["Scheduling", "Environments", "Sandboxing", "LinuxSystem", "FunctionModel", logging] + nio,
      swiftSettings: testHouse),
  ],
  swiftLanguageModes: [.v6]
)
