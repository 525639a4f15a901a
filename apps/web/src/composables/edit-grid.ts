import "gridstack/dist/gridstack.min.css";
import type { Tile } from "@quern/contract/tiles";
import { GridStack, type GridStackNode } from "gridstack";
import { onBeforeUnmount, onMounted, type Ref, watch } from "vue";
import { COLUMNS, GAP_PX, ROW_PX, samePlace } from "../dashboard/grid.ts";

const placeOf = ({ x = 0, y = 0, w = 1, h = 1 }: GridStackNode) => ({ x, y, width: w, height: h });

/**
 * Tiles that are dragged and resized by mouse or touch. The draft leads: Gridstack is told of each change that it did not make
 * itself, and what it moved is given to `move`. Elements of tiles carry `data-tile`.
 */
export function useEditGrid(config: {
  element: Ref<HTMLElement | null>;
  tiles: () => Tile[];
  move: (tiles: Tile[]) => void;
}): void {
  let grid: GridStack | null = null;
  let syncing = false;

  const nodes = () => new Map(grid?.engine.nodes.map((node) => [String(node.id), node]));
  function isSame(tiles: Tile[]): boolean {
    const known = nodes();
    return (
      known.size === tiles.length &&
      tiles.every((tile) => {
        const node = known.get(tile.id);
        return node?.el?.isConnected === true && samePlace(placeOf(node), tile.place);
      })
    );
  }
  function sync(): void {
    const { value: element } = config.element;
    if (grid === null || element === null || isSame(config.tiles())) return;
    syncing = true;
    // None is there while one is added, so that none is pushed from its place.
    grid.removeAll(false, false);
    const elements = new Map(
      [...element.children].map((each) => [
        (each as HTMLElement).dataset.tile,
        each as HTMLElement,
      ]),
    );
    for (const { id, place } of config.tiles()) {
      const { x, y, width: w, height: h } = place;
      const own = elements.get(id);
      if (own !== undefined) grid.makeWidget(own, { id, x, y, w, h });
    }
    syncing = false;
  }
  function onChange(): void {
    if (syncing || grid === null) return;
    const known = nodes();
    const tiles = config.tiles();
    const next = tiles.map((tile) => {
      const node = known.get(tile.id);
      if (node === undefined || samePlace(placeOf(node), tile.place)) return tile;
      return { ...tile, place: placeOf(node) };
    });
    if (next.some((tile, index) => tile !== tiles[index])) config.move(next);
  }

  onMounted(() => {
    if (config.element.value === null) return;
    const made = GridStack.init(
      {
        column: COLUMNS,
        cellHeight: ROW_PX,
        margin: GAP_PX / 2,
        mode: "float",
        auto: false,
        animate: false,
        minRow: 12,
        handle: ".tile-handle",
        draggable: { handle: ".tile-handle", cancel: "button, input, a", scroll: true },
        resizable: { handles: "e,se,s,sw,w" },
        alwaysShowResizeHandle: "mobile",
      },
      config.element.value,
    );
    made?.on("change", onChange);
    grid = made;
    sync();
  });
  watch(config.tiles, sync, { flush: "post" });
  onBeforeUnmount(() => grid?.destroy(false));
}
