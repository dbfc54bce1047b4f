import { measured } from "../format.js";
import { type Html, html } from "../html.js";
import type { CodeMap, Picture, ShownImage } from "../report_types.js";

/** Pictures are enlarged by the whole factor that brings them closest to this width, in CSS pixels. */
const shownWidth = 96;

/** Gives a label its name. */
export type NameClass = (label: number | undefined) => string | undefined;

/** Originals above reconstructions. */
export function pairs(images: readonly ShownImage[], nameClass: NameClass): Html {
	return html`<div class="pairs">${images.map((image) => pair(image, nameClass(image.label)))}
</div>`;
}

function pair({ index, nmse, original, reconstruction }: ShownImage, name: string | undefined): Html {
	const what = `image ${index}${name === undefined ? "" : `, ${name}`}`;
	return html`
<figure>${picture(original, `Original: ${what}`)}${picture(reconstruction, `Reconstruction of ${what}`)}
<figcaption>${name === undefined ? undefined : html`${name}<br>`}<span class="muted">error ${measured(nmse)}</span></figcaption></figure>`;
}

/** Images next to their codes as colours. */
export function codeMaps(maps: readonly CodeMap[], nameClass: NameClass): Html {
	return html`<div class="pairs">${maps.map(({ index, label, original, levels }) => {
		const name = nameClass(label);
		const what = `image ${index}${name === undefined ? "" : `, ${name}`}`;
		const size = displayedSize(original);
		return html`
<figure class="map">${picture(original, `Original: ${what}`)}${levels.map((map, level) =>
			picture(map, `Codes of ${what}${levels.length > 1 ? `, level ${level + 1}` : ""}, each code as a colour`, size),
		)}</figure>`;
	})}
</div>`;
}

/** The size at which a picture is shown, in CSS pixels. */
function displayedSize({ width, height }: Picture): { readonly width: number; readonly height: number } {
	const scale = Math.max(1, Math.round(shownWidth / width));
	return { width: width * scale, height: height * scale };
}

function picture(picture: Picture, alt: string, size = displayedSize(picture)): Html {
	return html`<img src="data:image/png;base64,${picture.png}" width="${size.width}" height="${size.height}" alt="${alt}">`;
}
