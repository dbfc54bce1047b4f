// bench:train runs this in processes of its own. It prints the milliseconds from the first import to the end of the first
// training step. With the argument "tfjs" or "jax-js" they are those of this library, on a device opened in
// the same way.
const start = performance.now();
const { openDevice } = await import("tessera-gpu");
const { openTraining } = await import("./train/problem.js");

const openers = {
	tfjs: async () => (await import("./train/tfjs_training.js")).openTfjsTraining,
	"jax-js": async () => (await import("./train/jax_training.js")).openJaxTraining,
};

const gpu = await openDevice({ announce: false });
const { model, trainer, images } = openTraining(gpu);
const library = process.argv[2];
if (library === "tfjs" || library === "jax-js") {
	const open = await openers[library]();
	const { networks } = await open(gpu, model);
	const [network] = networks;
	if (network === undefined) throw new Error(`${library} has no network`);
	await network.loss();
} else {
	trainer.step(images);
	await gpu.finish();
}
console.log(performance.now() - start);
gpu.dispose();
