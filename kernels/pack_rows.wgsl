// packed[b, d, j] = −z[n, d] for row n = 16·b + j; 0 where there is no such row
//
// The form in which nearest_code.subgroups.wgsl reads the rows: 16 neighbouring rows side by side, one dimension after
// the other, with the sign that the distance has them with.
// z       float32 [rows / inner, dimensions, inner]: with inner 1 a matrix [rows, dimensions], with inner H·W an NCHW tensor
// packed  float32 [⌈rows / 16⌉, dimensions, 16]
//
// One invocation an element of packed. No features, default limits.

struct Sizes {
	rows: u32,
	dimensions: u32,
	inner: u32,
}

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
	let index = id.y * groups.x * 64u + id.x;
	if (index >= arrayLength(&packed)) { return; }
	let n = index / (16u * sizes.dimensions) * 16u + index % 16u;
	let row = min(n, sizes.rows - 1u);
	let at = (row / sizes.inner * sizes.dimensions + index / 16u % sizes.dimensions) * sizes.inner + row % sizes.inner;
	packed[index] = select(0.0, -z[at], n < sizes.rows);
}
