/** What is dragged between lists and folders: ids, under types of our own that no other page reads. */
const ITEMS = "application/x-quern-items";
const FOLDER = "application/x-quern-folder";
const ID = /^[0-9a-f-]{36}$/;

/** Whether something that a folder takes is being dragged. */
export function dragsItems(event: DragEvent): boolean {
  const types = event.dataTransfer?.types ?? [];
  return types.includes(ITEMS) || types.includes(FOLDER);
}

export function dragItems(event: DragEvent, ids: readonly string[]): void {
  event.dataTransfer?.setData(ITEMS, ids.join(" "));
}

export function droppedItems(event: DragEvent): string[] {
  return (event.dataTransfer?.getData(ITEMS) ?? "").split(" ").filter((id) => ID.test(id));
}

export function dragFolder(event: DragEvent, id: string): void {
  event.dataTransfer?.setData(FOLDER, id);
}

export function droppedFolder(event: DragEvent): string | null {
  const id = event.dataTransfer?.getData(FOLDER) ?? "";
  return ID.test(id) ? id : null;
}
