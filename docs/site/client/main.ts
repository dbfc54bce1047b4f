// What every page does: the theme switch, the filter of the operations, and the marked line of the table of contents.

import { markContents } from "./contents.js";
import { filterRows } from "./filter.js";
import { themeSwitch } from "./theme.js";

const button = document.querySelector<HTMLButtonElement>("button.theme");
if (button !== null) themeSwitch(button);
const filter = document.querySelector<HTMLElement>(".filter");
if (filter !== null) filterRows(filter);
const contents = document.querySelector<HTMLElement>(".contents");
if (contents !== null) markContents(contents);
