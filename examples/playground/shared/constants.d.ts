/** The address of the repository, or "" as long as package.json has none; see build.mjs. */
declare const TESSERA_REPOSITORY: string;
