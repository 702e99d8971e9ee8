"""arrow.py CONFIG.json TRAIN.parquet MODEL: trains from a table that Python provides as Arrow."""
import ctypes
import sys

import pyarrow.parquet

mmoe = ctypes.CDLL("libmmoe.so.0")


class Error(ctypes.Structure):
    """mmoe_error"""
    _fields_ = [("code", ctypes.c_int), ("row", ctypes.c_int64), ("column", ctypes.c_char * 128),
                ("file", ctypes.c_char * 256), ("message", ctypes.c_char * 512)]


def call(function, *arguments):
    """Calls a function whose last parameter is an mmoe_error."""
    error = Error()
    if getattr(mmoe, function)(*arguments, ctypes.byref(error)) != 0:
        raise RuntimeError(error.message.decode())


def stream_of(capsule):
    """The ArrowArrayStream in what __arrow_c_stream__ returned, which must stay alive meanwhile."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.c_void_p(pointer(capsule, b"arrow_array_stream"))


config, schema, train, model, trainer = [ctypes.c_void_p() for _ in range(5)]
call("mmoe_config_read", sys.argv[1].encode(), None, ctypes.byref(config))
# Or polars.read_parquet(...), pandas.read_parquet(...), duckdb.sql("SELECT ..."), ...
rows = pyarrow.parquet.read_table(sys.argv[2]).__arrow_c_stream__()
call("mmoe_dataset_fit_arrow", config, stream_of(rows), None, ctypes.byref(schema),
     ctypes.byref(train))
call("mmoe_model_create", config, schema, None, ctypes.byref(model))
call("mmoe_trainer_create", model, None, None, ctypes.byref(trainer))
call("mmoe_trainer_fit", trainer, train, None)
call("mmoe_model_save", model, sys.argv[3].encode())
