import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./tokens.css";
import "./style.css";
import { open, showError } from "./actions.js";
import { App } from "./app.js";

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
open().catch(showError);

// A page that was opened as a file, or in some private windows, has no service worker.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("service_worker.js").catch(() => {});
