// uPlot formats numbers in the browser's language when it is loaded. In a POSIX locale Chromium names a language, such as
// "en-US@posix", that Intl refuses.
try {
	new Intl.NumberFormat(navigator.language);
} catch {
	Object.defineProperty(navigator, "language", { value: "en-US" });
}
