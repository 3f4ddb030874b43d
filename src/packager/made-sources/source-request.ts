/** What a source is made of. Stored as JSON: what is here must be readable for ever. */
export type SourceRequest =
  | {
      readonly kind: "port";
      readonly repositoryId: string;
      /** The version to port. */
      readonly of: string;
      /** Upload options, as in a changelog: "lintian-mode=ignore". */
      readonly options: readonly string[];
    }
  | {
      readonly kind: "external-port";
      readonly dscUrl: string;
      /** As it was when it was asked for, its signature included. */
      readonly dscText: string;
      readonly options: readonly string[];
    }
  | { readonly kind: "keyring"; readonly migrates: boolean }
  | { readonly kind: "test"; readonly autoPorts: readonly string[] };

/** A source to be made, with the name that it gets. */
export interface PlannedSource {
  readonly source: string;
  readonly version: string;
  readonly distribution: string;
  readonly request: SourceRequest;
}
