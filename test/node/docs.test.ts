import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { operationsPage } from "../docs/operations.js";

const test = suite("docs/operations.md");

test("it is what npm run docs writes", async () => {
	assert.is(await readFile("docs/operations.md", "utf8"), await operationsPage());
});

test.run();
