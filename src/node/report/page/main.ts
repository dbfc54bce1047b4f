// The script of report.html: draws the charts, and makes what the page shows reachable by keyboard. The page holds all pictures,
// settings and tables without it.
import "./language.js";
import { drawCharts } from "./charts.js";
import { startPickers } from "./picker.js";
import { startRefreshing } from "./refresh.js";
import { startTheme } from "./theme.js";

const redraw = drawCharts();
startTheme(redraw);
startPickers();
startRefreshing();
