// Writes the parts of docs/ that follow from the source.
//   npm run docs
import { writeFile } from "node:fs/promises";
import { writeCommandLineReference } from "../node/cli/reference.js";
import { operationsPage } from "./operations.js";

await writeCommandLineReference();
await writeFile("docs/operations.md", await operationsPage());
