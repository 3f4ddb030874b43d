import { AppError } from "../runtime/index.ts";

/** What TLS says when nobody vouches for the other side's certificate; undefined for every other failure. */
export function findUntrusted(where: string, cause: unknown): AppError | undefined {
  const { code } = cause as NodeJS.ErrnoException;
  if (!/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY/.test(code ?? "")) return undefined;

  return new AppError({
    kind: "unavailable",
    code: "CERTIFICATE_UNTRUSTED",
    message: `the certificate of ${where} is from nobody we trust`,
    hint: "Get the instance's certificate on a way you trust, and name its file in NODE_EXTRA_CA_CERTS",
    cause,
  });
}
