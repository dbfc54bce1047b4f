import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./tokens.css";
import "./style.css";
import { open } from "./actions.js";
import { App } from "./app.js";

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
open();
