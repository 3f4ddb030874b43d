import { pathOfId } from "../views/index.ts";

/** Addresses of pages; stable and readable, as people keep them. */
export const links = {
  activity: "/mini_buildd/events/",
  uploads: "/mini_buildd/uploads/",
  repositories: "/mini_buildd/repositories/",
  howToUpload: "/mini_buildd/help/upload/",
  api: "/mini_buildd/api/",
  login: "/accounts/login/",
  logout: "/accounts/logout/",
  register: "/accounts/register/",
  passwordReset: "/accounts/password_reset/",
  passwordChange: "/accounts/password_change/",
  profile: "/accounts/profile/",
  people: "/admin/",
  audit: "/admin/audit/",
  daemonLog: "/admin/log/",
  upload: (id: string): string => `/mini_buildd/uploads/${pathOfId(id)}/`,
  uploadsOf: (source: string): string => `/mini_buildd/uploads/?source=${encodeURIComponent(source)}`,
  repository: (id: string): string => `/mini_buildd/repositories/${pathOfId(id)}/`,
  distribution: (repositoryId: string, name: string): string =>
    `/mini_buildd/repositories/${pathOfId(repositoryId)}/dists/${pathOfId(name)}/`,
};
