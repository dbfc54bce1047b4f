/** `repository` of package.json, null as long as it has none; see build.mjs. */
declare const TESSERA_REPOSITORY: unknown;
