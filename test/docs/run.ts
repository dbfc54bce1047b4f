// Writes the parts of docs/ that follow from the source.
//   npm run docs
import { writeCommandLineReference } from "../node/cli/reference.js";

await writeCommandLineReference();
