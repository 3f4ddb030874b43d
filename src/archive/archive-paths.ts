import { join } from "node:path";

/** Where the archive keeps what, below a home. Paths in the database are relative to a repository's directory. */
export class ArchivePaths {
  readonly homePath: string;

  constructor(homePath: string) {
    this.homePath = homePath;
  }

  /** The content store: <aa>/<sha256>. */
  get contentStore(): string {
    return join(this.homePath, "pool");
  }

  content(sha256: string): string {
    return join(this.contentStore, sha256.slice(0, 2), sha256);
  }

  /** Served as /repositories/<id>/. */
  repository(repositoryId: string): string {
    return join(this.homePath, "repositories", repositoryId);
  }

  /** The file of a row of pool_paths. */
  placed(place: { readonly repository_id: string; readonly path: string }): string {
    return join(this.repository(place.repository_id), place.path);
  }

  /** A relative symbolic link to the generation in force. */
  distribution(repositoryId: string, distribution: string): string {
    return join(this.repository(repositoryId), "dists", distribution);
  }

  /** Holds the generations of a distribution and the by-hash objects they share. */
  generations(repositoryId: string, distribution: string): string {
    return join(this.repository(repositoryId), "generations", distribution);
  }

  /** Distributions at an instant: <instant>/dists/<distribution>. Served, so everything in it may be seen. */
  timeSnapshots(repositoryId: string): string {
    return join(this.repository(repositoryId), "snapshot");
  }

  timeSnapshot(repositoryId: string, instant: string): string {
    return join(this.timeSnapshots(repositoryId), instant);
  }

  /** Links to a distribution's named snapshots; each generation has a link `snapshots` to here. */
  namedSnapshotLinks(repositoryId: string, distribution: string): string {
    return join(this.generations(repositoryId, distribution), "snapshots");
  }

  /** The indexes of a named snapshot. */
  namedSnapshot(repositoryId: string, distribution: string, name: string): string {
    return join(this.generations(repositoryId, distribution), "named", name);
  }

  /** Compressed pieces of indexes; may be deleted at any time. */
  get chunkCache(): string {
    return join(this.homePath, "cache", "index-chunks");
  }
}
