/** Charts as files: drawn once more, apart from the page, with their title. */
import type { EChartsCoreOption } from "echarts/core";
import { FONT } from "./look.ts";
import type { Ink } from "./palette.ts";

/** What is put into a file. `width` and `height` in pixels, without the title. */
export type Picture = {
  option: EChartsCoreOption;
  title: string;
  width: number;
  height: number;
  ink: Ink;
};

const TITLE = 36;
/** Pixels of a PNG for each of the page's: sharp on paper and on large screens. */
const SCALE = 2;

export async function pngOf({ option, title, width, height, ink }: Picture): Promise<Blob> {
  const { init } = await import("./echarts.ts");
  const chart = init(document.createElement("div"), null, { renderer: "canvas", width, height });
  try {
    chart.setOption(option);
    const drawn = chart.renderToCanvas({ pixelRatio: SCALE });
    const top = title === "" ? 0 : TITLE;
    const canvas = document.createElement("canvas");
    canvas.width = width * SCALE;
    canvas.height = (height + top) * SCALE;
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("the browser gives no canvas to draw on");
    context.fillStyle = ink.surface;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = ink.text;
    context.font = `600 ${15 * SCALE}px ${FONT}`;
    context.fillText(title, 14 * SCALE, 24 * SCALE, (width - 28) * SCALE);
    context.drawImage(drawn, 0, top * SCALE);
    return await new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) =>
          blob ? resolve(blob) : reject(new Error("the picture is too large for the browser")),
        "image/png",
      );
    });
  } finally {
    chart.dispose();
  }
}

export async function svgOf({ option, title, width, height, ink }: Picture): Promise<Blob> {
  const [{ init }] = await Promise.all([import("./echarts.ts"), import("./echarts-svg.ts")]);
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(option);
    const top = title === "" ? 0 : TITLE;
    const drawn = allowed(chart.renderToSVGString());
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + top}" viewBox="0 0 ${width} ${height + top}"><rect width="100%" height="100%" fill="${ink.surface}"/>`;
    const words =
      title === ""
        ? ""
        : `<text x="14" y="24" font-size="15" font-weight="600" fill="${ink.text}" font-family="${escaped(FONT)}">${escaped(title)}</text>`;
    const text = `${head}${words}<g transform="translate(0 ${top})">${drawn}</g></svg>`;
    return new Blob([text], { type: "image/svg+xml" });
  } finally {
    chart.dispose();
  }
}

/** Text for SVG: what XML gives a meaning, and control characters that it forbids. */
export function escaped(text: string): string {
  return allowed(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function allowed(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no place for them
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}
