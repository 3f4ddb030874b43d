import { expect, test } from "vitest";
import { findOperation } from "./index.ts";
import type { Parameter } from "./parameter.ts";

/**
 * Every call of the original 2.2.8: name, access, whether it must be confirmed, and its arguments as
 * name[* when required]:type[:pos][:short option].
 */
const CALLS: readonly (readonly [string, string, boolean, string])[] = [
  ["status", "none", false, "with_repositories:bool:R"],
  ["pub_key", "none", false, ""],
  ["dput_conf", "none", false, "dput_ng_profile:bool:N"],
  [
    "sources_list",
    "none",
    false,
    "codenames:list:C repositories:list:R suites:list:S types:list:T options:str:O rollbacks:int:r snapshot:str:P mirror:str:M with_extra:bool:X with_comment:bool:D",
  ],
  ["ls", "none", false, "source*:str:pos repositories:list:R codenames:list:C version:str:V min_version:str:M"],
  ["show", "none", false, "source*:str:pos repositories:list:R codenames:list:C version:str:V min_version:str:M"],
  ["debdiff", "none", false, "source*:str:pos repository*:str:pos versiona:str:a versionb:str:b"],
  ["migrate", "staff", true, "source*:str:pos distribution*:str:pos full:bool:F version:str:V"],
  ["remove", "admin", true, "source*:str:pos distribution*:str:pos without_rollback:bool version:str:V"],
  ["port", "staff", true, "source*:str:pos from_distribution*:str:pos to_distributions*:list:pos version:str:V options:str:O"],
  ["port_ext", "staff", true, "dsc*:str:pos allow_unauthenticated:bool:u distributions*:list:pos options:str:O"],
  ["retry", "staff", true, "bkey*:str:pos"],
  ["cancel", "staff", true, "bkey*:str:pos"],
  ["set_user_key", "login", true, "key*:str:pos"],
  ["subscribe", "login", false, "source:str:pos distribution:str:pos"],
  ["unsubscribe", "login", false, "source:str:pos distribution:str:pos"],
  ["remake_chroots", "admin", true, "keys:list"],
  ["start", "admin", true, ""],
  ["stop", "admin", true, ""],
  ["wake", "staff", true, "remote*:str:r sleep:int:s attempts:int:a"],
  ["handshake", "none", false, "signed_message*:str:S"],
  ["cronjob", "admin", true, "id*:str:pos"],
  ["uploaders", "admin", false, "repositories:list:R"],
  ["snapshot_ls", "none", false, "distribution*:str:pos"],
  ["snapshot_create", "admin", true, "distribution*:str:pos name*:str:pos"],
  ["snapshot_delete", "admin", true, "distribution*:str:pos name*:str:pos"],
  [
    "debmirror",
    "admin",
    true,
    "suites:list:S rollbacks:int:r repositories:list:R codenames:list:c architectures:str:A components:str:C destination:str:D",
  ],
  ["keyring_packages", "admin", true, "distributions:list:D without_migration:bool:M"],
  ["test_packages", "admin", true, "sources:list:S distributions:list:D auto_ports:list:A with_check:bool:c"],
  [
    "setup",
    "admin",
    true,
    "update:str pca:str identity:str ftp_endpoint:str from_origins:list archives:list:A archives_from_origins:bool archives_from_apt_sources:bool archives_from_proxy:bool sources:list sources_from_origins:bool distributions:list distributions_from_sources:bool repositories:list repositories_from_distributions:list chroots:list chroots_from_sources:bool chroots_backend:str:C remotes:list",
  ],
];

const KINDS: Readonly<Record<string, readonly Parameter["kind"][]>> = {
  // A text of words with commas between them is a list, on the wire too.
  str: ["text", "list"],
  list: ["list"],
  bool: ["flag"],
  int: ["integer"],
};

test("there are all of them", () => {
  expect(CALLS).toHaveLength(30);
});

test.each(CALLS)("%s has the original's access (%s), confirmation (%s) and arguments: %s", (name, access, isConfirmed, given) => {
  const operation = findOperation(name);

  expect(operation?.access).toBe(access);
  // What changes state has to be confirmed; to subscribe had not, and to answer the original's way is no harm.
  if (isConfirmed) expect(operation?.changesState).toBe(true);
  for (const text of given.split(" ").filter((word) => word !== "")) {
    const [, argument = "", star = "", type = "", position = "", short] = /^(\w+)(\*?):(\w+)(:pos)?(?::(\w))?$/.exec(text) ?? [];
    const parameter = operation?.parameters[argument];
    expect([argument, KINDS[type]]).toEqual([argument, expect.arrayContaining([parameter?.kind])]);
    expect([argument, parameter?.isRequired]).toEqual([argument, star === "*"]);
    expect([argument, parameter?.isPositional]).toEqual([argument, position === ":pos"]);
    if (short !== undefined) expect([argument, parameter?.short]).toEqual([argument, short]);
  }
});

test("what 2.4.10 has beyond them", () => {
  expect(findOperation("search")?.access).toBe("none");
  expect(findOperation("search")?.parameters["pattern"]).toMatchObject({ isRequired: true, isPositional: true });
  expect(findOperation("reindex")).toMatchObject({ access: "admin", changesState: true });
  expect(findOperation("dput_conf")?.parameters["without_global"]?.kind).toBe("flag");
});
