\copy ohub.utilities (utility_id, name, province, customers) from 'seed/020_utilities.csv' (format csv, header)
