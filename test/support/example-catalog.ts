/** Of an instance that builds nothing: two repositories over one archive that is nowhere. */
export const EXAMPLE_CATALOG = `
[archive-sources.debian]
uris = ["http://archive.example.org/debian"]
suites = ["bookworm"]
signed-by = "debian.asc"

[codenames.bookworm]
base = "debian"
architectures = ["amd64"]
optional-architectures = ["arm64"]
codeversion = "12"

[repositories.test]
description = "Packages of everybody, for trying things"
codenames = ["bookworm"]
uploads = "unsigned"

[repositories.team]
codenames = ["bookworm"]
uploads = "signed"
uploader-keyrings = ["team.asc"]
`;
