import type { Session } from "./session.ts";
import type {
  BaseLayerRequest,
  DependencyLayer,
  DependencyLayerRequest,
  Layer,
  SessionRequest,
  SweepResult,
  TestbedsOptions,
  VirtServerCommand,
  VirtServerRequest,
} from "./types.ts";

/** The store of layers below HOME/testbeds, and the way to sessions. One per home. */
export declare class Testbeds {
  /** Checks what the host offers (AppError unavailable TESTBED_HOST_UNFIT), makes the directories, holds the lifeline. */
  static open(options: TestbedsOptions): Promise<Testbeds>;
  ensureBaseLayer(request: BaseLayerRequest): Promise<Layer>;
  /** AppError invalid BUILD_DEPENDS_UNSATISFIABLE: the package's fault. unavailable MIRROR_UNAVAILABLE: retry. */
  ensureDependencyLayer(request: DependencyLayerRequest): Promise<DependencyLayer>;
  startSession(request: SessionRequest): Promise<Session>;
  virtServerCommand(request: VirtServerRequest): VirtServerCommand;
  listLayers(): Promise<Layer[]>;
  /** AppError conflict LAYER_IN_USE. */
  removeLayer(id: string): Promise<void>;
  /** After a crash: ends leftover processes, removes leftover sessions and unfinished layers. Call before the first session. */
  sweep(): Promise<SweepResult>;
  /** Ends every session of this process, those of virtualisation servers too. */
  close(): Promise<void>;
}
