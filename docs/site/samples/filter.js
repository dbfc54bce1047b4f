import { Adam, backward, conv2d, mseLoss, openDevice } from "tessera-gpu";

const gpu = await openDevice();
const x = gpu.randn([16, 1, 28, 28]); // 16 images
const target = conv2d(x, gpu.tensor([1, 0, -1, 2, 0, -2, 1, 0, -1], [1, 1, 3, 3]));
const w = gpu.parameter(new Float32Array(9), [1, 1, 3, 3]);
const adam = new Adam([w], { lr: 0.1 });
for (let i = 0; i < 200; i++) {
	adam.zeroGrad();
	gpu.scope(() => backward(mseLoss(conv2d(x, w), target)));
	adam.step();
}
console.log(await w.data()); // the filter, learnt from its results
