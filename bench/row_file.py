"""Rows of a data class as CSV, one column for each field; shared by bench/compare and bench/large."""
import csv
import dataclasses


def write(path, row_type, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(row_type))
        writer.writerows(dataclasses.astuple(row) for row in rows)


def read(path, row_type):
    fields = dataclasses.fields(row_type)
    with open(path, newline="") as file:
        return [row_type(**{field.name: field.type(entry[field.name]) for field in fields}) for entry in csv.DictReader(file)]
