import { expect, test } from "vitest";
import { optionsText, parseOptions } from "./options-text.ts";

test("options are written and read back", () => {
  const options = [
    { value: "ATL", label: "Atlanta" },
    { value: "ORD" },
    { value: "O'Brien", label: "x=y" },
    { value: "a = b", label: "both" },
    { value: "1" },
  ];
  expect(parseOptions(optionsText(options))).toEqual(options);
  expect(parseOptions(optionsText([{ value: "a = b" }]))).toEqual([{ value: "a = b" }]);
});

test("blank lines and repeats are no options", () => {
  expect(parseOptions("\n a \n\na = again\nb =  \n")).toEqual([{ value: "a" }, { value: "b" }]);
});
