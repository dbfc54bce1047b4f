// The worker: everything that uses the GPU.
import { expose } from "comlink";
import { Benchmark } from "./benchmark.js";
import { Comparison } from "./compare.js";
import { Drawing } from "./drawing.js";
import { OwnData } from "./own_data.js";
import { Prior } from "./prior.js";
import { Session } from "./session.js";
import { SlowMotion } from "./slow_motion.js";
import { TakeAlong } from "./take_along.js";

const session = new Session();

const engine = {
	session,
	drawing: new Drawing(session),
	slowMotion: new SlowMotion(session),
	prior: new Prior(session),
	data: new OwnData(session),
	benchmark: new Benchmark(session),
	compare: new Comparison(session),
	takeAlong: new TakeAlong(session),
};

/** What the page calls, through comlink. */
export type Engine = typeof engine;

expose(engine);
