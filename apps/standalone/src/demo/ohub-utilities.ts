/** Electric utilities of Canada with some of the places they serve; customers are rounded. */
export type Place = readonly [name: string, latitude: number, longitude: number];

export type Utility = {
  id: number;
  name: string;
  province: string;
  customers: number;
  places: readonly [Place, ...Place[]];
};

const LIST: Omit<Utility, "id">[] = [
  {
    name: "BC Hydro",
    province: "CA-BC",
    customers: 2_200_000,
    places: [
      ["Vancouver", 49.26, -123.11],
      ["Surrey", 49.19, -122.85],
      ["Victoria", 48.43, -123.37],
      ["Nanaimo", 49.17, -123.94],
      ["Prince George", 53.92, -122.75],
      ["Kamloops", 50.68, -120.34],
    ],
  },
  {
    name: "FortisBC",
    province: "CA-BC",
    customers: 190_000,
    places: [
      ["Kelowna", 49.89, -119.5],
      ["Penticton", 49.5, -119.59],
      ["Trail", 49.1, -117.71],
    ],
  },
  {
    name: "ENMAX",
    province: "CA-AB",
    customers: 550_000,
    places: [
      ["Calgary", 51.05, -114.07],
      ["Airdrie", 51.29, -114.01],
    ],
  },
  {
    name: "EPCOR",
    province: "CA-AB",
    customers: 440_000,
    places: [["Edmonton", 53.55, -113.49]],
  },
  {
    name: "FortisAlberta",
    province: "CA-AB",
    customers: 600_000,
    places: [
      ["Red Deer", 52.27, -113.81],
      ["Lethbridge", 49.69, -112.84],
      ["Hinton", 53.4, -117.57],
    ],
  },
  {
    name: "ATCO Electric",
    province: "CA-AB",
    customers: 260_000,
    places: [
      ["Grande Prairie", 55.17, -118.8],
      ["Fort McMurray", 56.73, -111.38],
      ["Lloydminster", 53.28, -110.0],
    ],
  },
  {
    name: "SaskPower",
    province: "CA-SK",
    customers: 560_000,
    places: [
      ["Regina", 50.45, -104.62],
      ["Saskatoon", 52.13, -106.67],
      ["Prince Albert", 53.2, -105.75],
      ["Moose Jaw", 50.39, -105.55],
    ],
  },
  {
    name: "Manitoba Hydro",
    province: "CA-MB",
    customers: 630_000,
    places: [
      ["Winnipeg", 49.9, -97.14],
      ["Brandon", 49.85, -99.95],
      ["Thompson", 55.74, -97.86],
    ],
  },
  {
    name: "Hydro One",
    province: "CA-ON",
    customers: 1_500_000,
    places: [
      ["Sudbury", 46.49, -81.0],
      ["Thunder Bay", 48.38, -89.25],
      ["Peterborough", 44.3, -78.32],
      ["Orillia", 44.61, -79.42],
      ["Owen Sound", 44.57, -80.94],
      ["Bancroft", 45.06, -77.85],
    ],
  },
  {
    name: "Toronto Hydro",
    province: "CA-ON",
    customers: 790_000,
    places: [
      ["Toronto", 43.65, -79.38],
      ["Etobicoke", 43.62, -79.51],
      ["Scarborough", 43.77, -79.26],
    ],
  },
  {
    name: "Hydro Ottawa",
    province: "CA-ON",
    customers: 364_000,
    places: [
      ["Ottawa", 45.42, -75.7],
      ["Kanata", 45.31, -75.91],
      ["Orléans", 45.47, -75.52],
    ],
  },
  {
    name: "Alectra Utilities",
    province: "CA-ON",
    customers: 1_100_000,
    places: [
      ["Mississauga", 43.59, -79.64],
      ["Hamilton", 43.26, -79.87],
      ["Markham", 43.86, -79.34],
      ["Barrie", 44.39, -79.69],
      ["Guelph", 43.54, -80.25],
    ],
  },
  {
    name: "Hydro-Québec",
    province: "CA-QC",
    customers: 4_500_000,
    places: [
      ["Montréal", 45.5, -73.57],
      ["Québec", 46.81, -71.21],
      ["Laval", 45.57, -73.69],
      ["Gatineau", 45.48, -75.7],
      ["Sherbrooke", 45.4, -71.89],
      ["Trois-Rivières", 46.34, -72.54],
      ["Saguenay", 48.43, -71.07],
      ["Rimouski", 48.45, -68.52],
    ],
  },
  {
    name: "NB Power",
    province: "CA-NB",
    customers: 380_000,
    places: [
      ["Moncton", 46.09, -64.78],
      ["Fredericton", 45.96, -66.64],
      ["Bathurst", 47.62, -65.65],
    ],
  },
  {
    name: "Nova Scotia Power",
    province: "CA-NS",
    customers: 550_000,
    places: [
      ["Halifax", 44.65, -63.57],
      ["Sydney", 46.14, -60.19],
      ["Truro", 45.36, -63.28],
      ["Yarmouth", 43.84, -66.12],
    ],
  },
  {
    name: "Maritime Electric",
    province: "CA-PE",
    customers: 90_000,
    places: [
      ["Charlottetown", 46.24, -63.13],
      ["Summerside", 46.39, -63.79],
    ],
  },
  {
    name: "Newfoundland Power",
    province: "CA-NL",
    customers: 275_000,
    places: [
      ["St. John's", 47.56, -52.71],
      ["Gander", 48.96, -54.61],
      ["Corner Brook", 48.95, -57.95],
    ],
  },
  {
    name: "Newfoundland and Labrador Hydro",
    province: "CA-NL",
    customers: 40_000,
    places: [
      ["Happy Valley-Goose Bay", 53.3, -60.33],
      ["St. Anthony", 51.37, -55.59],
    ],
  },
  {
    name: "ATCO Electric Yukon",
    province: "CA-YT",
    customers: 20_000,
    places: [["Whitehorse", 60.72, -135.06]],
  },
  {
    name: "Northwest Territories Power Corporation",
    province: "CA-NT",
    customers: 9_000,
    places: [
      ["Yellowknife", 62.45, -114.37],
      ["Inuvik", 68.36, -133.72],
    ],
  },
  {
    name: "Qulliq Energy",
    province: "CA-NU",
    customers: 15_000,
    places: [
      ["Iqaluit", 63.75, -68.52],
      ["Rankin Inlet", 62.81, -92.09],
    ],
  },
];

export const UTILITIES: Utility[] = LIST.map((utility, index) => ({ id: index + 1, ...utility }));
