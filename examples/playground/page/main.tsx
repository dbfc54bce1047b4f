import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./tokens.css";
import "./style.css";
import { open } from "./actions.js";
import { App } from "./app.js";

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
open();

// A page that was opened as a file, or in a private window, goes without.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("service_worker.js").catch(() => {});
