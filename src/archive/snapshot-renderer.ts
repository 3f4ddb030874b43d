import type { RenderedGeneration, RenderRequest } from "./render.ts";
import type { Renderer } from "./renderer.ts";

/**
 * Renders snapshots in a process of their own, as publications do not wait for them; but what publications have in
 * memory just now is theirs to write: a moment, where the other would read everything.
 */
export class SnapshotRenderer {
  readonly #publications: Renderer;
  readonly #own: Renderer;

  constructor(renderers: { readonly publications: Renderer; readonly own: Renderer }) {
    this.#publications = renderers.publications;
    this.#own = renderers.own;
  }

  render(request: RenderRequest): Promise<RenderedGeneration> {
    return (this.#publications.holds(request) ? this.#publications : this.#own).render(request);
  }

  async close(): Promise<void> {
    await this.#own.close();
  }
}
