import type { FC } from "hono/jsx";
import { type DputSection, dputConfiguration, dputEncryptedConfigurations, dputHttpConfiguration } from "../handlers/index.ts";
import type { ServedRepository } from "../views/index.ts";
import { Layout } from "./layout.tsx";
import { links } from "./links.ts";
import { Empty, Snippet } from "./parts.tsx";
import type { WebContext } from "./web-context.ts";

interface Target {
  readonly repository: string;
  readonly distribution: string;
  readonly uploads: ServedRepository["uploads"];
  readonly version_suffix: string | null;
}

export interface HowToUploadModel {
  readonly dput_cf: string;
  readonly dput_cf_http: string;
  readonly dput_cf_encrypted: readonly DputSection[];
  /** What a client that asks is to be answered; null: it needs not ask. */
  readonly certificate_fingerprint: string | null;
  readonly ssh_host_key_fingerprint: string | null;
  readonly distributions: readonly Target[];
}

export function loadHowToUpload(web: WebContext): HowToUploadModel {
  return {
    dput_cf: dputConfiguration(web.context.instance),
    dput_cf_http: dputHttpConfiguration(web.context.instance),
    dput_cf_encrypted: dputEncryptedConfigurations(web.context.instance),
    certificate_fingerprint: web.context.instance.encryption.certificateFingerprint ?? null,
    ssh_host_key_fingerprint: web.context.instance.encryption.sftp?.hostKeyFingerprint ?? null,
    distributions: web.context.views.served().flatMap((repository) =>
      repository.distributions
        .filter((distribution) => distribution.isUploadable)
        .map((distribution) => ({
          repository: repository.id,
          distribution: distribution.name,
          uploads: repository.uploads,
          version_suffix: distribution.versionSuffix ?? null,
        })),
    ),
  };
}

export const HowToUploadPage: FC<{ web: WebContext; model: HowToUploadModel; json: string }> = ({ web, model, json }) => {
  const host = `mini-buildd-${web.context.instance.identity}`;
  const target = model.distributions.find(({ distribution }) => distribution.endsWith("-unstable")) ?? model.distributions[0];
  const unchecked = target?.uploads === "unsigned" ? "--unchecked " : "";
  return (
    <Layout web={web} title="How to upload" place="howToUpload" json={json}>
      <h1 class="page-title">How to upload a package</h1>
      <p class="facts">From a Debian source package to an installable one in four steps, with the tools you know.</p>
      <ol class="steps-list">
        <li>
          <h2>Tell dput about this instance</h2>
          <p>Once, in ~/.dput.cf, one of these:</p>
          <Snippet title="By FTP" text={model.dput_cf} />
          <Snippet title="By HTTP, where FTP does not get through" text={model.dput_cf_http} />
          {model.dput_cf_encrypted.map(({ title, text }) => (
            <Snippet title={title} text={text} />
          ))}
          {model.certificate_fingerprint !== null && (
            <p class="small muted">
              The certificate is self-made; its SHA-256 fingerprint is <code>{model.certificate_fingerprint}</code>
            </p>
          )}
          {model.ssh_host_key_fingerprint !== null && (
            <p class="small muted">
              The SFTP server's key is <code>{model.ssh_host_key_fingerprint}</code>
            </p>
          )}
        </li>
        <li>
          <h2>Choose where it goes</h2>
          <p>The distribution in the top entry of debian/changelog says where; the version ends as that distribution wants it.</p>
          <Targets model={model} />
        </li>
        <li>
          <h2>Make the source package</h2>
          <Snippet title="In the source tree" text={sourceCommands(target)} />
          <p class="small muted">
            Source only: this instance builds for every architecture. Built packages in an upload are not used.
          </p>
        </li>
        <li>
          <h2>Send it, and watch</h2>
          <Snippet title="Still there" text={`dput ${unchecked}${host} ../*_source.changes`} />
          {unchecked !== "" && (
            <p class="small muted">
              <code>--unchecked</code> lets dput send what you did not sign.
            </p>
          )}
          <p>
            It appears under <a href={links.activity}>Activity</a> as soon as it is complete, with each build's steps and live
            log. What is refused says why, and what to do.
          </p>
        </li>
      </ol>
    </Layout>
  );
};

const Targets: FC<{ model: HowToUploadModel }> = ({ model }) => (
  <div class="panel">
    {model.distributions.length === 0 ? (
      <Empty title="No distribution takes uploads yet">Declare a repository in etc/catalog.toml and apply it.</Empty>
    ) : (
      <div class="table-frame" tabindex={0} role="region" aria-label="Distributions that take uploads">
        <table>
          <thead>
            <tr>
              <th scope="col">Distribution</th>
              <th scope="col">Version ends like</th>
              <th scope="col">Signature</th>
            </tr>
          </thead>
          <tbody>
            {model.distributions.map((target) => (
              <tr>
                <th scope="row">
                  <a href={links.distribution(target.repository, target.distribution)}>{target.distribution}</a>
                </th>
                <td>{target.version_suffix === null ? "anything" : <code>{target.version_suffix}</code>}</td>
                <td>{target.uploads === "signed" ? "of a known uploader key" : "not needed"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </div>
);

function sourceCommands(target: Target | undefined): string {
  const distribution = target?.distribution ?? "DISTRIBUTION";
  const unsigned = target?.uploads === "unsigned" ? " --unsigned-source --unsigned-changes" : "";
  return [
    `dch --local '${target?.version_suffix?.replace(/[0-9]+$/, "") ?? "+local"}' --distribution ${distribution} --force-distribution 'Build for us.'`,
    `dpkg-buildpackage --build=source${unsigned}`,
  ].join("\n");
}
