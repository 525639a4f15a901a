import type { ChartConfig } from "@quern/contract/chart-config";
import { fontSize, type Look } from "./look.ts";

export type LegendRoom = { top: number; right: number; bottom: number };

/** The legend and the room that it takes. Left to itself it is on top of several series, and away where there is no room. */
export function legend(
  config: ChartConfig,
  look: Look,
  names: string[],
  usual: "top" | "right" = "top",
): { legend: object; room: LegendRoom } {
  const wanted = config.legend ?? "auto";
  const none = { legend: { show: false }, room: { top: 0, right: 0, bottom: 0 } };
  const small = look.height < 120 || look.width < 140;
  const automatic = names.length > 1 && !small;
  if (wanted === "none" || (wanted === "auto" && !automatic)) return none;
  const place =
    wanted === "auto" ? (usual === "right" && look.width < 320 ? "bottom" : usual) : wanted;
  const shared = {
    type: "scroll",
    data: names,
    icon: "roundRect",
    itemWidth: 10,
    itemHeight: 10,
    itemGap: 12,
    selectedMode: !look.printed,
    textStyle: {
      color: look.ink.text,
      fontSize: fontSize(look),
      width: Math.min(180, look.width * 0.35),
      overflow: "truncate",
    },
    pageTextStyle: { color: look.ink.faint, fontSize: 11 },
    pageIconColor: look.ink.text,
    pageIconInactiveColor: look.ink.line,
    pageIconSize: 10,
  };
  if (place === "right") {
    const right = Math.min(200, Math.max(90, look.width * 0.3));
    return {
      legend: {
        ...shared,
        orient: "vertical",
        right: 8,
        top: "middle",
        textStyle: { ...shared.textStyle, width: right - 40 },
      },
      room: { top: 0, right, bottom: 0 },
    };
  }
  const height = look.compact ? 20 : 24;
  return place === "bottom"
    ? {
        legend: { ...shared, bottom: 2, left: 8, right: 8 },
        room: { top: 0, right: 0, bottom: height },
      }
    : {
        legend: { ...shared, top: 2, left: 8, right: 32 },
        room: { top: height, right: 0, bottom: 0 },
      };
}
