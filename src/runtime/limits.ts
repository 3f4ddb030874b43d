/**
 * Every limit of the program, with its unit and its reason. Configuration may replace any of them but `fixedLimits`
 * (`[limits]` in etc/mini-buildd.toml, same names).
 */
export const defaultLimits = {
  /** The largest single uploaded file: bigger than any source package in Debian. */
  uploadFileSizeBytesMax: 8 * 1024 ** 3,
  /** All unclaimed files in quarantine together: an anonymous channel must not fill the disk. */
  quarantineSizeBytesMax: 32 * 1024 ** 3,
  /** Unclaimed files in quarantine: bounds the rows a stranger can make us keep. */
  quarantineFileCountMax: 10_000,
  /** Part of each of these that files from one address may take: one stranger must not lock out all others. */
  quarantinePeerShareMax: 0.5,
  /** Unclaimed .changes in quarantine: each is looked at again whenever a file it lists comes in. */
  waitingChangesCountMax: 500,
  /** A .changes is parsed on the event loop; Debian's largest is below 3 MB. */
  changesSizeBytesMax: 4 * 1024 ** 2,
  /** Control files (.changes, .dsc, .buildinfo): parsed in memory. Debian's largest .changes is below 3 MB. */
  controlFileSizeBytesMax: 16 * 1024 ** 2,
  /** Files that one .changes may list. */
  filesPerChangesMax: 2_000,
  /** A .changes waits this long for its files, and a file for its .changes. */
  deliveryTimeoutMs: 60 * 60 * 1000,
  /** The same when the sender's own file of that name has other content: a better one is hardly on its way. */
  deliveryMismatchTimeoutMs: 10 * 1000,
  /** An upload connection that neither sends data nor commands. */
  uploadIdleTimeoutMs: 120 * 1000,
  /** Upload connections at once, all peers together and from one address. */
  uploadConnectionsMax: 200,
  uploadConnectionsPerPeerMax: 20,
  /** Connections and files that one address may start in a minute: several large uploads, but no flood. */
  uploadStartsPerMinutePerPeerMax: 3_000,
  /** Connections to the HTTP server at once, those that follow events and logs included. */
  httpConnectionsMax: 2_000,
  /** Live streams (events, build logs) that one address may hold open: many pages in many tabs, but no flood. */
  httpStreamsPerPeerMax: 200,
  /** Requests to pages and API that one address may make in a minute; 0: no limit. Files of repositories and uploads are not counted. Behind a reverse proxy all clients share one address. */
  httpRequestsPerMinutePerPeerMax: 60_000,
  /** The body of a request that is no upload must be there by then. */
  httpBodyTimeoutMs: 30 * 1000,
  /** Free space below which uploads are refused and builds wait. */
  diskReserveBytes: 2 * 1024 ** 3,
  /** Memory available below which no further build starts beside those that run. */
  memoryReserveBytes: 1024 ** 3,
  /** What a build that failed has left in its testbed is kept so long, for `mini-buildd debug-build`; 0: not at all. */
  failedTestbedAgeMsMax: 4 * 60 * 60 * 1000,
  /** So many of them, and so much together: the oldest go first, and all before any layer when the disk is full. */
  failedTestbedsMax: 10,
  failedTestbedsSizeBytesMax: 16 * 1024 ** 3,
  /** What a build that failed has left for download: packages, logs of its tools and tests, and its build tree, compressed. */
  failedProductsSizeBytesMax: 512 * 1024 ** 2,
  /** Build trees of all failed builds: the oldest go, once a day, and before any layer when the disk is full. */
  buildTreesSizeBytesMax: 16 * 1024 ** 3,
  /** One build step: the longest builds of Debian take about a day. */
  buildTimeoutMs: 24 * 60 * 60 * 1000,
  /** A build that prints nothing for this long hangs. */
  buildSilenceTimeoutMs: 150 * 60 * 1000,
  /** The uncompressed log of one build. */
  buildLogSizeBytesMax: 1024 ** 3,
  /** One step of making a source package ourselves (a port): unpacking the largest of Debian takes minutes. */
  sourceMakingTimeoutMs: 60 * 60 * 1000,
  /** Comparing two source packages, which anybody may ask for: all together, how many at once, and what is shown. */
  debdiffTimeoutMs: 2 * 60 * 1000,
  debdiffsMax: 2,
  debdiffSizeBytesMax: 8 * 1024 ** 2,
  /** `test_packages --with-check` waits this long for the ends of its packages. */
  testPackagesWaitMsMax: 6 * 60 * 60 * 1000,
  /** Processes and threads of one build at once: far above what large builds on many processors have, far below what a machine bears. */
  buildProcessesMax: 4_096,
  /** Part of the machine's memory that one build may use. */
  buildMemoryShareMax: 0.75,
  /** What one build may write to the disk: the largest of Debian need about 40 GiB. */
  buildDiskBytesMax: 64 * 1024 ** 3,
  /** A program in etc/event-hooks, for one event: the others wait for it. */
  eventHookTimeoutMs: 5 * 60 * 1000,
  /** A build's lease; renewed every third of it. */
  buildLeaseMs: 30 * 1000,
  /** Attempts at one architecture that end because of our environment. */
  buildAttemptsMax: 5,
  /** Builders that may get lost over one architecture: a build that takes its builder down each time must end. */
  buildLossesMax: 20,
  /** Before the second attempt; doubled for each further one, up to the second value. */
  buildRetryDelayMs: 30 * 1000,
  buildRetryDelayMsMax: 30 * 60 * 1000,
  /** A build whose build dependencies are missing is tried again by itself, as the base may have changed: after this long, doubled each time, up to the second value. */
  dependencyRecheckMs: 60 * 60 * 1000,
  dependencyRecheckMsMax: 24 * 60 * 60 * 1000,
  /** Then it fails: what is still missing will hardly come. */
  dependencyWaitMsMax: 30 * 24 * 60 * 60 * 1000,
  /** Optional architectures are given up when they still wait this long after the others ended, and nobody builds them. */
  optionalBuildPatienceMs: 60 * 60 * 1000,
  /** A job's lease in the queue; renewed every third of it. */
  jobLeaseMs: 30 * 1000,
  /** Decompressed size of a .deb's control archive. */
  debControlSizeBytesMax: 64 * 1024 ** 2,
  /** Decompressed size of a .deb's data archive, of which we only list the names. Debian's largest have some GiB. */
  debDataSizeBytesMax: 64 * 1024 ** 3,
  /** Decompressed bytes per compressed byte of a .deb, once more than 256 MiB came out: a bomb, not a package. */
  debCompressionRatioMax: 1_000,
  /** Entries of a .deb's data archive that are read for Contents. */
  debFileCountMax: 2_000_000,
  /** Superseded by-hash objects live this long or this many generations, whichever is longer. */
  byHashRetentionMs: 60 * 60 * 1000,
  byHashRetentionGenerations: 3,
  /** The longest pause between two publications of one distribution. */
  publicationIntervalMsMax: 2_000,
  /** Distributions at an instant whose indexes stay on the disk; those asked for least recently are made again when wanted. */
  timeSnapshotCountMax: 100,
  /** Packages and files that came this recently are never cleaned away: what refers to them may still come. */
  unreferencedAgeMsMin: 24 * 60 * 60 * 1000,
  /** Layers that no build used for this long are removed. */
  layerUnusedMsMax: 14 * 24 * 60 * 60 * 1000,
  /** All layers together; those not in use go, the least recently used first. */
  layersSizeBytesMax: 40 * 1024 ** 3,
  /** What one source package may keep compiled for one release and architecture, where `ccache` is on. */
  compilerCacheSizeBytesMax: 512 * 1024 ** 2,
  /** Downloaded packages that layers are made of. */
  downloadsSizeBytesMax: 10 * 1024 ** 3,
  /** Jobs that ended this long ago are forgotten. */
  endedJobAgeMsMax: 7 * 24 * 60 * 60 * 1000,
  /** Rejected uploads, and notes about deliveries, are forgotten after this long: anybody can make them. */
  rejectedUploadAgeMsMax: 30 * 24 * 60 * 60 * 1000,
  /** Sources and results of uploads that ended this long ago are removed from builds/; what was installed is in the pool. */
  uploadFilesAgeMsMax: 30 * 24 * 60 * 60 * 1000,
  /** Build logs of uploads that ended this long ago are removed. */
  buildLogAgeMsMax: 365 * 24 * 60 * 60 * 1000,
  /** One file of the HTTP access log, and how many there are: the newest and those before it. */
  accessLogSizeBytesMax: 16 * 1024 ** 2,
  accessLogFilesMax: 8,
  /** The same for the daemon's own log. */
  daemonLogSizeBytesMax: 8 * 1024 ** 2,
  daemonLogFilesMax: 4,
  /** Events from this long ago are forgotten. */
  eventAgeMsMax: 2 * 365 * 24 * 60 * 60 * 1000,
} as const;

/** Belong to the parsers, which know no configuration: far above anything real. */
export const fixedLimits: readonly (keyof typeof defaultLimits)[] = [
  "controlFileSizeBytesMax",
  "filesPerChangesMax",
  "debDataSizeBytesMax",
  "debFileCountMax",
];

/** A part of a whole, 0 to 1; every other limit is a whole number. */
export const shareLimits: readonly (keyof typeof defaultLimits)[] = ["quarantinePeerShareMax", "buildMemoryShareMax"];

export type Limits = { readonly [name in keyof typeof defaultLimits]: number };
