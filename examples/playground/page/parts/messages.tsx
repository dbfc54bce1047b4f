import { failure, machine, notice, session } from "../store.js";

/** What went wrong or needs to be known, and what to do. */
export function Messages() {
	const failed = failure.value;
	return (
		<div class="messages" aria-live="polite">
			{machine.value?.software === true && session.value.phase !== "no adapter" && (
				<p class="message">
					This browser offers no GPU to this page, so the network trains on the CPU ({machine.value.adapter}), much more
					slowly. Everything works all the same.
				</p>
			)}
			{notice.value !== undefined && (
				<p class="message">
					{notice.value}{" "}
					<button type="button" class="quiet" onClick={() => (notice.value = undefined)}>
						Close
					</button>
				</p>
			)}
			{failed !== undefined && (
				<p class="message bad" role="alert">
					<strong>{failed.name}</strong>: {failed.message} {failed.advice}{" "}
					<button type="button" class="quiet" onClick={() => (failure.value = undefined)}>
						Close
					</button>
				</p>
			)}
		</div>
	);
}
