import { deviceWith } from "../../support.js";
import { goldenModels, goldenSuite } from "../../vqvae/golden.js";

for (const name of goldenModels) goldenSuite(name, async () => [await deviceWith("tiled")]);
