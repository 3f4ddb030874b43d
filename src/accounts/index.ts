/**
 * accounts: people and what they may do: users, login sessions, API tokens, rights in single repositories, uploader
 * keys, SSH keys, and the audit log.
 *
 * Terms. A *role* (login, staff, admin) counts everywhere; a *right* (upload, migrate, manage) in one repository. A
 * *login session* is a browser or client that is logged in. A *principal* is a user who has shown who they are. An
 * *account link* sets a password, once. An *uploader key* is an OpenPGP key that a user has set; *approved*, it counts
 * in repositories where its owner has the right to upload. An *SSH key* lets its owner in over SFTP, and does no more.
 *
 * Invariants: of passwords only argon2id hashes are kept, of every other secret only its SHA-256; no answer to a
 * stranger tells whether a user exists; nobody can lock somebody else out; who is disabled can do nothing at once; there
 * is always an administrator once there was one; every privileged act is in the audit log before it is done.
 */

export { registerAccountJobs } from "./account-mail.ts";
export { type AccountsContext, type Mail, REGISTRATION_MODES, type RegistrationMode } from "./accounts-context.ts";
export { changeUser, createUser, createUserLink, hasAdministrator } from "./administer-users.ts";
export { createApiToken, listApiTokens, removeApiToken } from "./api-token.ts";
export {
  type Actor,
  type AuditOutcome,
  concludeAudit,
  listAudit,
  recordAudit,
} from "./audit-log.ts";
export { purgeAccounts } from "./housekeeping.ts";
export { logIn, logOut } from "./log-in.ts";
export { endLoginSessions, listLoginSessions } from "./login-session.ts";
export { findPrincipalBySession, findPrincipalByToken, type Principal } from "./principal.ts";
export { askForPasswordReset, register } from "./register.ts";
export {
  type GrantedRight,
  listRepositoryRights,
  setRepositoryRights,
} from "./repository-rights.ts";
export { changePassword, findLinkUser, setPasswordByLink } from "./set-password.ts";
export { sshFingerprintOf } from "./ssh-key-text.ts";
export { isSshKeyOf, listSshKeys, removeSshKey, type StoredSshKey, setSshKey } from "./ssh-keys.ts";
export {
  decideUploaderKey,
  listUploaderKeys,
  removeUploaderKey,
  type StoredUploaderKey,
  setUploaderKey,
  uploaderKeysOf,
} from "./uploader-keys.ts";
export { listUsers, loadUser, ROLES, type User } from "./user.ts";
