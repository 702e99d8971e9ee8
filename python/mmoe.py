"""mmoe: trains and serves Multi-gate Mixture-of-Experts ranking models, by the C library libmmoe.

    import mmoe
    model = mmoe.train(config, train="train.csv", valid=frame)
    scores = model.predict({"user": [7, 8], "item": ["a", None], "price": prices})
    best = model.rank(user={"user": 7}, items=items, k=10)
    figures = model.evaluate("test.csv")
    model.save("m.safetensors")
    model = mmoe.load("m.safetensors")
    trainer = mmoe.Trainer(model)  # a step at a time

Needs NumPy; pandas, torch and Arrow's libraries are used where their objects are given. The library
is the file that MMOE_LIBRARY names, else one beside this file, else of this installation, else of
the system. docs/python.md has the types, the missing values and more.
"""
import collections
import concurrent.futures
import contextlib
import ctypes
import itertools
import json
import operator
import os
import pathlib
import re
import signal
import sys
import tempfile
import threading
import warnings
import weakref

import numpy as np

# ---- What the headers declare: mmoe/mmoe.h, train.h, arrow.h ----

(OK, E_ARGUMENT, E_MEMORY, E_IO, E_FORMAT, E_VERSION, E_CONFIG, E_DATA, E_NUMERIC,
 E_CANCELLED) = range(0, -10, -1)
VALUE_INT64, VALUE_TEXT, VALUE_FLOAT, VALUE_DOUBLE = 1, 2, 4, 5
SIDE_ITEM, SIDE_USER = 0, 1
LABELS_REQUIRED, LABELS_IGNORED, ROWS_TO_SCORE = 0, 2, 3
PACKED_LOADED = 0
MISSING_INT64 = -2**63
_MOST = 2**31 - 1
MAX_METRICS = 7

_text, _address, _int32, _int64 = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
_int, _size, _double = ctypes.c_int, ctypes.c_size_t, ctypes.c_double


def _struct(name, /, **fields):
    """A structure of C's; fields that begin with _ are room that is left to the library."""
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


_error = _struct("mmoe_error", code=_int, row=_int64, column=ctypes.c_char * 128,
                 file=ctypes.c_char * 256, message=ctypes.c_char * 512)
_load_options = _struct("mmoe_model_load_options", map_tables=_int, _rest=_address * 7)
_column = _struct("mmoe_column", type=_int, values=_address, stride=_size)
_list_column = _struct("mmoe_list_column", offsets=_address, weights=_address, count=_size)
_lists = _struct("mmoe_lists", count=_int32, offsets=_address, ids=_address, weights=_address,
                 elements=_size)
_input_column = _struct("mmoe_input_column", name=_text, type=_int, side=_int, dim=_int32,
                        is_list=_int, is_optional=_int)
_batch = _struct("mmoe_batch", rows=_size, ids=_address, id_stride=_size, dense=_address,
                 dense_stride=_size, sparse_columns=_address, dense_columns=_address,
                 sparse_count=_size, dense_count=_size, lists=_lists, list_columns=_address,
                 input=_address, columns=_address, column_count=_size, bad=_address)
_text_layout = _struct("mmoe_text_layout", type_at=_size, length_at=_size, state_at=_size,
                       type=_address, state_mask=ctypes.c_uint32, states=ctypes.c_uint32 * 4,
                       text_at=_size * 4, missing=_address, n_missing=_size)
_text_copies = _struct("mmoe_text_copies", texts=_address, others=_address, n_other=_size,
                       bytes=_address, size=_size, needed=_size)
_bad_rows = _struct("mmoe_bad_rows", errors=_address, capacity=_size, count=_size)
_scoring = _struct("mmoe_scoring", expression=_address, scores=_address, task_scores=_address,
                   rows=_address, k=_size)
_predictor_options = _struct("mmoe_predictor_options", product_bytes=_size, input=_address,
                             _rest=_address * 6)
_tensor_info = _struct("mmoe_tensor_info", name=_text, rank=_int32, shape=_int64 * 2,
                       is_integer=_int, trainable=_int, data=_address, type=_text)

_warning = _struct("mmoe_warning", message=_text, subject=_text, count=_int64, row=_int64,
                   file=_text, key=_text)
_work = _struct("mmoe_work", what=_text, file=_text, rows=_int64, done=_int64, total=_int64,
                unit=_text)
_watcher = _struct("mmoe_watcher", on_work=_address, user=_address)
_read_options = _struct("mmoe_read_options", labels=_int, threads=_int, keep=_address,
                        stream_folder=_text, more=_address, n_more=_size, watcher=_address,
                        skip_bad=_int64, stop=_address, _rest=_address * 2)

_task_metrics = _struct(
    "mmoe_task_metrics", name=_text, type=_int, rows=_int64, auc=_double, logloss=_double,
    mse=_double, rmse=_double, mae=_double, calibration=_double, why=_text,
    values=_double * MAX_METRICS, constant=_double, constant_is_of_rows=_int, base=_double,
    relative=_double, ece=_double, gauc=_double, group=_text, groups=_int64,
    one_class_groups=_int64, one_class_group_rows=_int64, single_groups=_int64,
    no_group_rows=_int64, auc_bound=_double)
_metric = _struct("mmoe_metric", name=_text, title=_text, what=_text, better=_int, of_groups=_int)
_baseline = _struct("mmoe_baseline", metric=_text, name=_text, title=_text, ratio=_text,
                    ratio_title=_text, better=_int, ratio_meaning=_text)
_evaluate_options = _struct("mmoe_evaluate_options", threads=_int, group=_text, group_weight=_text,
                            by=_text, most_slices=_int32, watcher=_address, auc=_text,
                            ranks=_address, allow_unlike=_int, on_warning=_address, user=_address)
_row_slice = _struct("mmoe_row_slice", value=_text, rows=_int64, metrics=_address)
_row_slices = _struct("mmoe_row_slices", column=_text, count=_size, items=_address,
                      left_out=_int64, rows_left_out=_int64)
_trainer_options = _struct("mmoe_trainer_options", threads=_int, single_threaded_blas=_int,
                           checkpoint_path=_text, user=_address, on_epoch=_address,
                           on_progress=_address, profile=_address, on_warning=_address,
                           _rest=_address * 6)
_growth = _struct("mmoe_growth", max_rows=_int64, _rest=_address * 3)
_grown = _struct("mmoe_grown", rows=_int64, left_out=_int64)
_epoch_report = _struct(
    "mmoe_epoch_report", epoch=_int32, n_epoch=_int32, n_task=_int32, rows=_int64, seconds=_double,
    train_seconds=_double, rows_per_second=_double, loss=_double, task_loss=_address,
    valid=_address, score=_double, is_best=_int, lr=_double, task_factors=_address, n_gate=_int32,
    gates=_address, progressive=_address, member=_int32, n_member=_int32)
_progress = _struct("mmoe_progress", epoch=_int32, n_epoch=_int32, rows_done=_int64, rows=_int64,
                    seconds=_double, n_task=_int32, task_loss=_address, member=_int32,
                    n_member=_int32)
_schema = _struct("ArrowSchema", format=_text, name=_text, metadata=_text, flags=_int64,
                  n_children=_int64, children=_address, dictionary=_address, release=_address,
                  private_data=_address)
_array = _struct("ArrowArray", length=_int64, null_count=_int64, offset=_int64, n_buffers=_int64,
                 n_children=_int64, buffers=_address, children=_address, dictionary=_address,
                 release=_address, private_data=_address)
_stream = _struct("ArrowArrayStream", get_schema=_address, get_next=_address,
                  get_last_error=_address, release=_address, private_data=_address)

# What the library calls: Arrow's, a watcher's, a trainer's.
_RELEASE = ctypes.CFUNCTYPE(None, _address)
_GET = ctypes.CFUNCTYPE(_int, _address, _address)
_SAY = ctypes.CFUNCTYPE(_text, _address)
_ON_WORK = ctypes.CFUNCTYPE(None, _address, ctypes.POINTER(_work))
_ON_WARNING = ctypes.CFUNCTYPE(None, _address, ctypes.POINTER(_warning))
_ON_EPOCH = ctypes.CFUNCTYPE(_int, _address, ctypes.POINTER(_epoch_report))
_ON_PROGRESS = ctypes.CFUNCTYPE(_int, _address, ctypes.POINTER(_progress))

_SIGNATURES = {  # the result, then the parameters
    "mmoe_version": (_text,),
    "mmoe_model_load_with": (_int, _text, _address, _address, _address, _address),
    "mmoe_model_load_bytes": (_int, _address, _size, _address, _address, _address),
    "mmoe_model_free": (None, _address),
    "mmoe_model_clone": (_int, _address, _address, _address, _address),
    "mmoe_model_meta_at": (_text, _address, _size, _address),
    "mmoe_model_set_meta": (_int, _address, _text, _text, _address),
    "mmoe_meta_check": (_int, _text, _text, _address),
    "mmoe_model_save": (_int, _address, _text, _address),
    "mmoe_model_task_count": (_int32, _address),
    "mmoe_model_task_name": (_text, _address, _int32),
    "mmoe_model_sparse_count": (_int32, _address),
    "mmoe_model_sparse_name": (_text, _address, _int32),
    "mmoe_model_sparse_column": (_text, _address, _int32),
    "mmoe_model_sparse_columns": (_size, _address, _int32, _address),
    "mmoe_model_sparse_list": (_int, _address, _int32, _address),
    "mmoe_model_dense_count": (_int32, _address),
    "mmoe_model_dense_column": (_text, _address, _int32),
    "mmoe_model_dense_dim": (_int32, _address, _int32),
    "mmoe_model_score": (_text, _address),
    "mmoe_model_config": (_address, _address),
    "mmoe_model_schema": (_address, _address),
    "mmoe_model_tensor": (_int, _address, _size, _address),
    "mmoe_model_create": (_int, _address, _address, _address, _address, _address),
    "mmoe_model_load_weights": (_int, _address, _text, _address),
    "mmoe_model_warning": (_address, _address, _size),
    "mmoe_config_parse": (_int, _text, _size, _text, _address, _address, _address),
    "mmoe_config_read": (_int, _text, _address, _address, _address),
    "mmoe_config_free": (None, _address),
    "mmoe_config_text": (_int, _address, _address, _address),
    "mmoe_config_text_free": (None, _address, _address),
    "mmoe_schema_create": (_int, _address, _address, _size, _address, _address, _address),
    "mmoe_schema_free": (None, _address),
    "mmoe_dataset_fit_csv_with": (_int, _address, _text, _address, _address, _address, _address,
                                  _address),
    "mmoe_dataset_read_csv_with": (_int, _address, _text, _address, _address, _address, _address),
    "mmoe_dataset_fit_packed": (_int, _address, _text, _int, _address, _address, _address,
                                _address),
    "mmoe_dataset_read_packed": (_int, _address, _text, _int, _address, _address, _address),
    "mmoe_dataset_fit_arrow": (_int, _address, _address, _address, _address, _address, _address),
    "mmoe_dataset_from_arrow": (_int, _address, _address, _int, _address, _address, _address),
    "mmoe_dataset_keep": (_int, _address, _text, _address, _address),
    "mmoe_dataset_batch": (_int, _address, _int64, _size, _address, _address),
    "mmoe_dataset_lacks": (_int, _address, _int64),
    "mmoe_dataset_rows": (_int64, _address),
    "mmoe_dataset_warning": (_address, _address, _size),
    "mmoe_dataset_free": (None, _address),
    "mmoe_metric_at": (_address, _int, _size),
    "mmoe_baseline_of": (_address, _int),
    "mmoe_evaluate_by": (_int, _address, _address, _address, _address, _address, _address,
                         _address),
    "mmoe_row_slices_free": (None, _address),
    "mmoe_metrics_check": (_int, _address, _int32, _text, _address, _address, _address),
    "mmoe_model_check_labels": (_int, _address, _address, _address, _address, _address),
    "mmoe_trainer_create": (_int, _address, _address, _address, _address, _address),
    "mmoe_trainer_grow": (_int, _address, _address, _address, _address, _address),
    "mmoe_trainer_resume": (_int, _address, _text, _address),
    "mmoe_trainer_save": (_int, _address, _text, _address),
    "mmoe_trainer_set_lr": (_int, _address, _double, _address),
    "mmoe_trainer_fit": (_int, _address, _address, _address, _address),
    "mmoe_trainer_step": (_int, _address, _address, _int64, _size, _address, _address),
    "mmoe_trainer_stop": (None, _address),
    "mmoe_trainer_free": (None, _address),
    "mmoe_text_copy_objects": (_int, _address, _address, ctypes.c_ssize_t, _size, _address,
                               _address),
    "mmoe_input_create": (_int, _address, _size, _address, _address, _address),
    "mmoe_input_free": (None, _address),
    "mmoe_predictor_create_with": (_int, _address, _address, _address, _address, _address),
    "mmoe_predictor_clone": (_int, _address, _address, _address, _address),
    "mmoe_predictor_free": (None, _address),
    "mmoe_predictor_run": (_int, _address, _address, _address, _address),
    "mmoe_predictor_rank": (_int, _address, _address, _address, _address, _address),
    "mmoe_predictor_score_with": (_int, _address, _address, _address, _address, _address),
    "mmoe_expression_create": (_int, _address, _text, _address, _address, _address),
    "mmoe_expression_free": (None, _address),
}


def _open_library():
    beside = pathlib.Path(__file__).resolve().parent / "libmmoe.so.0"
    found = [beside] if beside.exists() else []
    if len(beside.parents) > 3:  # PREFIX/share/mmoe/python, and PREFIX/lib or Debian's lib/TRIPLET
        prefix = beside.parents[3]
        found += [*prefix.glob("lib*/libmmoe.so.0"), *prefix.glob("lib/*-linux-*/libmmoe.so.0")]
    path = os.environ.get("MMOE_LIBRARY") or str(next(iter(found), "libmmoe.so.0"))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"mmoe: {error}; set MMOE_LIBRARY to the path of libmmoe.so.0") from None
    for name, (result, *parameters) in _SIGNATURES.items():
        if hasattr(library, name):  # a serving build has no training
            function = getattr(library, name)
            function.restype, function.argtypes = result, parameters
    return library


_library = _open_library()
__version__ = _library.mmoe_version().decode()

# ---- Errors ----


class Error(Exception):
    """What the library refused: `code` (mmoe.E_DATA ...), and where: `file`, `row` (from 1; 0:
    none) and `column`, "" where they do not apply."""

    def __init__(self, message, code=E_ARGUMENT, file="", row=0, column=""):
        super().__init__(message)
        self.code, self.file, self.row, self.column = code, file, row, column


def _error_of(error, first=0):
    """`first`: the rows before those of the call."""
    column, file, message = (t.decode(errors="replace")
                             for t in (error.column, error.file, error.message))
    if first and error.row:
        message = message.replace(f"row {error.row}:", f"row {error.row + first}:", 1)
    return Error(message, error.code, file, error.row + first if error.row else 0, column)


def _call(name, *arguments, first=0):
    """Calls a function whose last parameter is an mmoe_error."""
    error = _error()
    if getattr(_library, name)(*arguments, ctypes.byref(error)) != OK:
        raise _error_of(error, first)


def _c_text(text, what):
    """For C, where a NUL would end it."""
    if not isinstance(text, str):
        raise TypeError(f"{what}: a text is wanted, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"{what}: {text!r} has a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError as fault:
        raise ValueError(f"{what}: {text!r} is no Unicode: {fault.reason}") from None


def _c_word(text, what):
    return text if text is None else _c_text(text, what)


def _c_path(path):
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError as fault:
        raise ValueError(f"the path {path!r} is no Unicode: {fault.reason}") from None
    if not name or b"\0" in name:
        raise ValueError(f"the path {path!r} {'has a NUL character' if name else 'is empty'}")
    return name


# An object that another owns.
_Borrowed = collections.namedtuple("_Borrowed", "address")


class _Owned:
    """An object of the library's, which is freed with this, and before those that it needs: in a
    circle of objects Python's collector keeps to no order. It is there before the object, whose
    address a function writes to `made`: an interrupt may come as soon as that returns."""

    def __init__(self, free, *needs):
        self.made, self._free, self._needs = _address(), getattr(_library, free), ()
        self._holders = [True]  # this, and all that need it; append and pop need no lock
        self.process = os.getpid()
        for n in needs:
            n._holders.append(False)
        self._needs = needs

    @property
    def address(self):
        return self.made.value

    def __del__(self):
        self._let_go()

    def _let_go(self):
        if self._holders.pop():  # the last one
            # A forked process has none of a trainer's threads.
            if self.made and self.process == os.getpid():
                self._free(self.address)
            for n in self._needs:
                n._let_go()


class _Locked:
    """What has a lock, which a forked process has anew: another thread may have had it, and is not
    there. What locks are for is right between any two steps."""
    _all = weakref.WeakSet()

    def __init__(self):
        self._lock = threading.Lock()
        self._all.add(self)

    @classmethod
    def _renew(cls):
        for one in list(cls._all):
            one._lock = threading.Lock()


os.register_at_fork(after_in_child=_Locked._renew)


def _make(free, name, *arguments, needs=()):
    """What a function writes to its last parameter but the error."""
    owned = _Owned(free, *needs)
    _call(name, *arguments, ctypes.byref(owned.made))
    return owned


# ---- Columns ----


class _Values:
    """The values of a column. `values`: numbers [n] or, of vectors, [n, dim], with `missing` of
    that shape, or None; or None, and `texts` are (bytes, where each ends): UTF-8, a NUL behind
    each, an empty one being missing. `codes`, or None: which of the texts each value is, -1 being
    missing. `offsets` [rows + 1], or None: the values make lists. `dim`: the numbers of a value, or
    of a text, if it is a vector."""

    def __init__(self, name, values=None, texts=None, missing=None, codes=None):
        self.name, self.values, self.texts, self.missing = name, values, texts, missing
        self.codes, self.offsets, self.dim = codes, None, 0

    def is_nothing(self):
        """Whether all values are missing, or there are none."""
        v, missing = self.values, self.missing
        if self.codes is not None:
            return self.codes.max(initial=-1) < 0
        if v is None:
            return len(self.texts[0]) == len(self.texts[1])
        if v.dtype.kind != "f" or not v.size:
            return not v.size or missing is not None and bool(missing.all())
        absent = np.isnan(v.flat[0]) or missing is not None and missing.flat[0]
        return bool(absent and (np.isnan(v) if missing is None else np.isnan(v) | missing).all())

    @property
    def rows(self):
        if self.offsets is not None:
            return len(self.offsets) - 1
        return next(len(a) for a in (self.codes, self.values, self.texts and self.texts[1])
                    if a is not None)


_NO_TEXTS = np.zeros(0, np.uint8), np.zeros(0, np.int64)


def _fault(name, row, why, kind=TypeError):
    error = kind(f'row {row + 1}: column "{name}": {why}')
    error.place = row, why
    return error


def _texts_of(name, values):
    """`values`: a list of str, or of bytes."""
    if not values:
        return _Values(name, texts=_NO_TEXTS)
    try:
        joined = b"\0".join(values) if isinstance(values[0], bytes) else "\0".join(values).encode()
    except UnicodeEncodeError as error:
        row = next(i for i, v in enumerate(values) if v.encode(errors="replace") != v.encode(
            errors="surrogatepass"))
        raise _fault(name, row, f"the text is no Unicode: {error.reason}", ValueError) from None
    buffer = np.frombuffer(joined + b"\0", np.uint8)
    ends = np.flatnonzero(buffer == 0)
    if len(ends) != len(values):
        nul = b"\0" if isinstance(values[0], bytes) else "\0"
        row = next(i for i, v in enumerate(values) if nul in v)
        raise _fault(name, row, "the text has a NUL character", ValueError)
    return _Values(name, texts=(buffer, ends))


def _texts_of_numbers(values):
    words = values.values.astype("U")
    if values.values.dtype.kind == "f":
        words[np.isnan(values.values)] = ""
    if values.missing is not None:
        words[values.missing] = ""
    return _texts_of(values.name, words.tolist())


def _times_of(name, values):
    """As str(pandas.Timestamp) has them: "2024-05-01 12:30:00"."""
    missing = np.isnat(values)
    seconds = values.astype("datetime64[s]")
    texts = np.datetime_as_string(seconds).astype(object)
    fraction = ~missing & (seconds != values)
    texts[fraction] = np.datetime_as_string(values[fraction], unit="ns", casting="unsafe")
    texts[missing] = ""
    return _texts_of(name, [t.replace("T", " ") for t in texts])


_FAMILIES = ((str, "str"), ((bool, np.bool_), "bool"), ((int, np.integer), "int"),
             ((float, np.floating), "float"), ((list, tuple, np.ndarray), "list"))
_FAMILY_TYPES = {"bool": bool, "int": np.int64, "float": np.float64}


def _family(value):
    return next((word for kinds, word in _FAMILIES if isinstance(value, kinds)),
                type(value).__name__)


# None, pandas.NA, NaT, numpy.ma.masked
_ABSENT = ("NoneType", "NAType", "NaTType", "MaskedConstant")


def _absent_words():
    """The objects that stand for nothing, as far as there is one of each."""
    pandas = sys.modules.get("pandas")
    return [None, np.nan, *(getattr(pandas, name) for name in ("NA", "NaT")
                            if hasattr(pandas, name))]


def _is_absent(value):
    """Those, or NaN."""
    return type(value).__name__ in _ABSENT or (
        isinstance(value, (float, np.floating)) and value != value)


def _check_family(name, values, present):
    """The one word of _FAMILIES that all values have."""
    kinds = set(map(type, values[present]))
    families = {_family(values[i]) for i in (
        next(i for i in present if type(values[i]) is kind) for kind in kinds)}
    if families == {"int", "float"}:
        return "float"  # as in an array of NumPy's
    first = _family(values[present[0]])
    if first not in [word for _, word in _FAMILIES]:
        raise _fault(name, present[0], f"{first} is no number, no text and no list of these")
    if len(families) > 1:
        other = next(i for i in present if _family(values[i]) != first)
        raise _fault(name, other, f"the value is of the type {_family(values[other])}, and in row "
                     f"{present[0] + 1} of {first}")
    return first


def _texts_and_gaps(name, values):
    """Of str and missing values among objects, which as in a file are empty texts; None: of
    others."""
    items = values.tolist()
    if items and isinstance(items[0], str):
        try:
            return _texts_of(name, items)
        except TypeError:  # not all are texts
            pass
    kinds = set(map(type, items))
    floats = {k for k in kinds if issubclass(k, (float, np.floating))}
    gaps = floats.union(k for k in kinds if k.__name__ in _ABSENT)
    if not all(issubclass(k, str) for k in kinds - gaps) or floats and not all(
            v != v for v in items if v.__class__ in floats):
        return None
    return _texts_of(name, ["" if v.__class__ in gaps else v for v in items])


def _missing_of(items):
    """Which of a list's values are missing, or None."""
    kinds = set(map(type, items))
    which = lambda kinds: np.fromiter(map(kinds.__contains__, map(type, items)), bool, len(items))
    floats = {k for k in kinds if issubclass(k, (float, np.floating))}
    missing = which({k for k in kinds if k.__name__ in _ABSENT})
    if floats:
        places = np.flatnonzero(which(floats))
        missing[places] = np.isnan(np.array([items[i] for i in places], float))
    return missing if missing.any() else None


def _shown(integer):
    """Python prints no number of many thousand digits."""
    bits = int(integer).bit_length()
    return f"a number of {bits} bits" if bits > 300 else str(integer)


def _check_integers(name, values):
    """Those among floats are floats."""
    kinds = (int, np.integer)
    if not any(issubclass(kind, kinds) for kind in set(map(type, values))):
        return
    for row, v in enumerate(values):
        if isinstance(v, kinds) and abs(v := int(v)) > 2**53 and (
                v.bit_length() > 1000 or int(float(v)) != v):
            raise _fault(name, row, f"{_shown(v)} is no float, which other values are", ValueError)


def _objects_of(name, values):
    """Values of Python's, all of one type: [n] of objects."""
    made = _texts_and_gaps(name, values)
    if made is not None:
        return made
    missing = _missing_of(values.tolist())
    present = np.arange(len(values)) if missing is None else np.flatnonzero(~missing)
    family = _check_family(name, values, present)
    if family == "list":
        return _lists_of(name, [() if missing is not None and missing[i] else v
                                for i, v in enumerate(values)])
    if missing is not None:
        values = values.copy()
        values[missing] = 0
    if family == "float":
        _check_integers(name, values)
    try:
        return _Values(name, values.astype(_FAMILY_TYPES[family]), missing=missing)
    except OverflowError:
        row = next(i for i, v in enumerate(values) if not -2**63 <= v < 2**63)
    if all(0 <= v < 2**64 for v in values):
        return _Values(name, values.astype(np.uint64), missing=missing)
    why = "needs 64 bits without a sign, and others are negative"
    if not 0 <= values[row] < 2**64:
        why = "has more than 64 bits"
    raise _fault(name, row, f"{_shown(values[row])} {why}", ValueError)


def _as_objects(values):
    return np.fromiter(values, object)


def _lists_of(name, lists):
    """`lists`: of lists or arrays."""
    for row, a in enumerate(lists):
        if isinstance(a, np.ndarray) and not a.ndim:
            raise _fault(name, row, "an array of no dimension is no list")
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)), out=offsets[1:])
    arrays = [a for a in lists if len(a)]
    if arrays and all(isinstance(a, np.ndarray) and a.dtype == arrays[0].dtype for a in arrays):
        flat = np.concatenate(arrays)
    else:
        flat = _as_objects(itertools.chain.from_iterable(lists))
    try:
        made = _values_of(name, flat)
    except (TypeError, ValueError) as error:
        if not hasattr(error, "place"):
            raise
        element, why = error.place
        row = np.searchsorted(offsets, element, side="right") - 1
        raise _fault(name, row, why, type(error)) from None
    if made.offsets is not None or np.ndim(made.values) > 1:
        raise TypeError(f'column "{name}": lists of lists')
    made.offsets = offsets
    return made


def _category_of(name, values):
    """pandas' categorical: the texts of the categories once, and which each row has."""
    categorical = getattr(values, "cat", values)
    codes = np.asarray(categorical.codes)
    try:
        made = _values_of(name, categorical.categories)
    except (TypeError, ValueError) as error:
        raise type(error)(f'column "{name}": its categories: {error}') from None
    if made.texts or codes.max(initial=-1) < 0:
        return _Values(name, texts=made.texts or _NO_TEXTS, codes=codes)
    missing = codes < 0
    return _Values(name, made.values[codes], missing=missing if missing.any() else None)


def _array_of(name, values):
    """A NumPy array, and which of its values are missing where that is not in them, or None."""
    dtype = getattr(values, "dtype", None)
    if hasattr(values, "isna") and not isinstance(dtype, np.dtype):  # a type of pandas' own
        if getattr(dtype, "tz", None):
            raise TypeError(f'column "{name}": times with a zone; convert them to one without')
        plain = np.dtype(getattr(dtype, "numpy_dtype", object))
        if plain.kind not in "biuf":
            return values.to_numpy(dtype=object), None
        return values.to_numpy(dtype=plain, na_value=0), np.asarray(values.isna())
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind == "O":
        return np.where(np.ma.getmaskarray(values), None, values.data), None
    if isinstance(values, np.ma.MaskedArray):
        return values.filled(values.dtype.type()), np.ma.getmaskarray(values)
    if isinstance(values, (list, tuple)):
        return _as_objects(values), None
    return np.asarray(values), None


def _values_of(name, values):
    """A column's values, of whatever array, Series or list of them."""
    if hasattr(getattr(values, "dtype", None), "categories"):
        return _category_of(name, values)
    return _values_in(name, *_array_of(name, values))


def _values_in(name, array, missing):
    kind = array.dtype.kind
    if array.ndim == 0 or array.ndim > 2 or array.ndim == 2 and kind not in "biuf":
        raise TypeError(f'column "{name}": one value a row is wanted, or of numbers [rows, n]')
    if kind in "OT":  # T: texts of NumPy 2, whose missing ones are objects
        return _objects_of(name, array.astype(object, copy=False))
    if kind in "US":
        return _texts_of(name, array.tolist())
    if kind == "M":
        return _times_of(name, array)
    if kind not in "biuf":
        raise TypeError(f'column "{name}": values of the type {array.dtype} are neither numbers '
                        "nor texts")
    if kind == "f" and array.dtype.itemsize not in (4, 8):
        array = array.astype(np.float32 if array.dtype.itemsize == 2 else np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return _Values(name, array, missing=missing if missing is not None and missing.any() else None)


def _columns_of(data, what="rows"):
    """{name: values} of a dictionary of arrays or lists, or of a DataFrame."""
    if not hasattr(data, "items"):
        raise TypeError(f"{what}: a DataFrame, a dictionary of columns or a stream of Arrow is "
                        f"wanted, not {type(data).__name__}")
    columns = {}
    for name, values in data.items():
        if not isinstance(name, str):
            raise TypeError(f"the column {name!r}: names of columns are texts")
        _c_text(name, "the name of a column")
        if name in columns:
            raise Error(f'column "{name}": two columns have this name', column=name)
        columns[name] = values
    return columns


def _columns_of_request(data, what):
    if _is_stream(data):
        raise TypeError(f"{what}: a user and items are DataFrames or dictionaries of columns, and "
                        "no stream of Arrow")
    return _columns_of(data, what)


def _check_lengths(columns):
    """All columns have the rows of the first: how many."""
    first = columns[0] if columns else None
    for c in columns:
        if c.rows != first.rows:
            raise Error(f'column "{c.name}" has {c.rows} rows, and "{first.name}" {first.rows}',
                        column=c.name)
    return first.rows if columns else 0


# ---- Streams of Arrow ----



def _releaser(kind):
    """Marks one as released: its memory is Python's."""
    def release(address):
        kind.from_address(address).release = None
    return _RELEASE(release)


_releasers = {kind: _releaser(kind) for kind in (_schema, _array, _stream)}


def _address_of(function):
    return ctypes.cast(function, _address).value


class _Kept:
    """What Python raises while C calls it, an interrupt, too, cannot pass through C: the first such
    error is kept, and raised behind the call."""

    def __init__(self, end=None):
        self.raised, self._end, self._catches = None, end or (lambda: None), False

    def keep(self, function, *arguments):
        """Calls it; end() ends the work if it raises."""
        try:
            try:
                self._catches = True
                function(*arguments)
            finally:
                self._catches = False
        except BaseException as error:
            if self.raised is None:
                self.raised = error
            self._end()

    @contextlib.contextmanager
    def _signals(self):
        """Meanwhile what the handlers of signals raise is kept: Python may call one at a callback's
        first step, where nothing could catch it before C."""
        is_on, ours = [True], {}

        def ours_of(handler):
            return lambda *s: handler(*s) if self._catches or not is_on else self.keep(handler, *s)
        try:
            if threading.current_thread() is threading.main_thread():
                for number in signal.valid_signals():
                    before = signal.getsignal(number)
                    if callable(before):
                        ours[number] = ours_of(before), before
                        signal.signal(number, ours[number][0])
            yield
        finally:
            is_on.clear()
            for number, (wrapped, before) in ours.items():
                if signal.getsignal(number) is wrapped:  # no callback has set another
                    signal.signal(number, before)

    def call(self, name, *arguments):
        """Calls a function that calls Python."""
        try:
            with self._signals():
                _call(name, *arguments)
        finally:
            error, self.raised = self.raised, None
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # its traceback has this frame: no circle


class _Arrow:
    """An array and its schema as Arrow has them, over memory that this keeps."""

    def __init__(self, form, length, buffers, children=(), name="", dictionary=None):
        self._keep = [form.encode(), name.encode(), buffers, children, dictionary]
        addresses = (_address * len(buffers))(*[None if b is None else b.ctypes.data
                                                for b in buffers])
        n = len(children)
        schemas = (_address * n)(*[ctypes.addressof(c.schema) for c in children])
        arrays = (_address * n)(*[ctypes.addressof(c.array) for c in children])
        self._keep += [addresses, schemas, arrays]
        self.schema = _schema(
            format=self._keep[0], name=self._keep[1], flags=2, n_children=n,
            children=ctypes.addressof(schemas), release=_address_of(_releasers[_schema]),
            dictionary=dictionary and ctypes.addressof(dictionary.schema))
        self.array = _array(
            length=length, null_count=-1 if buffers and buffers[0] is not None else 0,
            n_buffers=len(buffers), buffers=ctypes.addressof(addresses), n_children=n,
            children=ctypes.addressof(arrays), release=_address_of(_releasers[_array]),
            dictionary=dictionary and ctypes.addressof(dictionary.array))


def _bits(flags):
    return np.packbits(flags, bitorder="little")


_FORMATS = {"i1": "c", "u1": "C", "i2": "s", "u2": "S", "i4": "i", "u4": "I", "i8": "l", "u8": "L",
            "f4": "f", "f8": "g"}


def _arrow_texts(values, name):
    buffer, ends = values.texts
    offsets = np.zeros(len(ends) + 1, np.int64)
    offsets[1:] = ends - np.arange(len(ends))
    parts, codes = [None, offsets, buffer[buffer != 0]], values.codes
    if codes is None:
        return _Arrow("U", len(ends), parts, (), name)
    return _Arrow(_FORMATS[codes.dtype.str[1:]], len(codes), [_bits(codes >= 0), codes], (), name,
                  _Arrow("U", len(ends), parts))


def _arrow_of(values, name):
    """Values as an array of Arrow's: of a list or a vector, with these as its child."""
    if values.offsets is not None:
        flat = _Values(values.name, values.values, values.texts, values.missing, values.codes)
        return _Arrow("+L", values.rows, [None, values.offsets], [_arrow_of(flat, "item")], name)
    if values.texts:
        return _arrow_texts(values, name)
    valid = None if values.missing is None else _bits(~values.missing.reshape(-1))
    v = np.ascontiguousarray(values.values)
    if v.ndim == 2:
        child = _arrow_of(_Values(values.name, v.reshape(-1), None, values.missing), "item")
        return _Arrow(f"+w:{v.shape[1]}", len(v), [None], [child], name)
    if v.dtype.kind == "b":
        return _Arrow("b", len(v), [valid, _bits(v)], (), name)
    return _Arrow(_FORMATS[v.dtype.str[1:]], len(v), [valid, v], (), name)


class _Columns:
    """A stream of one batch: a DataFrame or a dictionary. `what` stands for it in errors. A column
    that cannot be read is a fault where something reads it."""

    def __init__(self, data, what):
        self.what, self.unreadable, made = what, {}, []
        self.columns = _columns_of(data, what)
        for name, values in self.columns.items():
            try:
                made.append(_values_of(name, values))
            except (TypeError, ValueError) as error:
                self.unreadable[name] = error
        rows = _check_lengths(made)
        arrays = [_arrow_of(v, v.name) for v in made]
        arrays += [_Arrow("n", rows, [], (), name) for name in self.unreadable]
        self._batch, self._given = _Arrow("+s", rows, [None], arrays), False
        self._calls = [_GET(self._get_schema), _GET(self._get_next)]
        self._stream = _stream(*map(_address_of, self._calls), None,
                               _address_of(_releasers[_stream]))
        self.address = ctypes.addressof(self._stream)

    def _get_schema(self, _, out):
        ctypes.memmove(out, ctypes.byref(self._batch.schema), ctypes.sizeof(_schema))
        return 0

    def _get_next(self, _, out):
        nothing = _array()
        ctypes.memmove(out, ctypes.byref(nothing if self._given else self._batch.array),
                       ctypes.sizeof(_array))
        self._given = True
        return 0

    def names(self):
        return list(self.columns)

    def call(self, *arguments):
        """Calls a function that reads the stream."""
        try:
            _Kept().call(*arguments)
        except Error as error:
            if error.column in self.unreadable:
                raise self.unreadable[error.column] from None
            text = re.sub("^Arrow stream(, batch 1)?", self.what, str(error))
            raise Error(text, error.code, self.what, error.row, error.column) from None


class _Capsule:
    """The stream of an object that has __arrow_c_stream__."""

    def __init__(self, data):
        self._capsule = data.__arrow_c_stream__()
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = _address, [ctypes.py_object, _text]
        self.address = pointer(self._capsule, b"arrow_array_stream")

    def names(self):
        stream, schema = _stream.from_address(self.address), _schema()
        if not stream.release:
            raise Error("the stream of Arrow was read already")
        if _GET(stream.get_schema)(self.address, ctypes.addressof(schema)):
            why = stream.get_last_error and _SAY(stream.get_last_error)(self.address)
            raise Error("the stream of Arrow gives no schema: "
                        f"{(why or b'it says not why').decode(errors='replace')}", E_IO)
        n = schema.n_children
        children = (_address * n).from_address(schema.children) if n else ()
        names = [(_schema.from_address(c).name or b"").decode(errors="replace") for c in children]
        _RELEASE(schema.release)(ctypes.addressof(schema))
        return names

    def call(self, *arguments):
        _Kept().call(*arguments)


def _is_stream(data):
    """pandas' frames are read as they stand: their own streams need another library."""
    return hasattr(data, "__arrow_c_stream__") and not hasattr(data, "iloc")


def _stream_of(data, what):
    return _Capsule(data) if _is_stream(data) else _Columns(data, what)


# ---- Requests ----


def _as_lists(values):
    """A list has one value, or those of a row of an array, or as it is missing none."""
    v, missing = values.values, values.missing
    if v is None and values.is_nothing():
        values.offsets = np.zeros(values.rows + 1, np.int64)
        values.texts, values.codes = _NO_TEXTS, None
    if v is None:
        return  # texts are no lists
    lengths = np.full(len(v), v.shape[1] if v.ndim == 2 else 1)
    if v.ndim == 1:
        absent = np.isnan(v) if v.dtype.kind == "f" else np.zeros(len(v), bool)
        absent |= False if missing is None else missing
        lengths[absent] = 0
        v, missing = v[~absent], None
    values.values, values.missing = v.reshape(-1), missing if missing is None else missing.ravel()
    values.offsets = np.concatenate(([0], np.cumsum(lengths)))


def _as_vectors(values, dim):
    """A vector of no numbers is missing."""
    lengths = np.diff(values.offsets)
    wrong = np.flatnonzero((lengths != dim) & (lengths > 0))
    if len(wrong):
        raise _fault(values.name, wrong[0], f"{lengths[wrong[0]]} numbers, and the model reads "
                     f"{dim}", ValueError)
    v, missing = values.values, values.missing
    if v is None:  # all are missing
        v = np.full(len(values.texts[1]), np.nan)
    elif missing is not None:
        v = np.where(missing, np.nan, v)
    values.texts, values.missing, v = None, None, v.reshape(-1, dim)
    if not lengths.all():
        given, v = v, np.full((len(lengths), dim), np.nan)
        v[lengths > 0] = given
    values.values, values.offsets, values.dim = v, None, dim


def _as_wanted(values, is_list, dim):
    """Lists for a sequence, [n, dim] for a vector, as far as the values can be that."""
    if is_list and values.offsets is None:
        _as_lists(values)
    elif dim > 1 and values.offsets is not None and (values.values is not None or
                                                     values.is_nothing()):
        _as_vectors(values, dim)
    elif np.ndim(values.values) == 2:
        values.dim = values.values.shape[1]
    elif dim > 1 and (values.texts or values.is_nothing()):
        values.dim = dim
    return values


def _pointers(values):
    buffer, ends = values.texts
    starts = np.full(len(ends) + 1, buffer.ctypes.data, np.int64)
    starts[1:] += ends + 1
    if values.codes is None:
        return VALUE_TEXT, starts[:-1]
    starts[-1] = 0  # NULL, which the code -1 takes
    return VALUE_TEXT, starts[values.codes]


def _integers(values):
    v = values.values
    if v.size and (v.dtype.kind == "u" and int(v.max()) > 2**63 - 1 or
                   v.dtype == np.int64 and v.min() == MISSING_INT64):
        if v.ndim == 2:  # of a vector
            return VALUE_DOUBLE, np.where(False if values.missing is None else values.missing,
                                          np.nan, v)
        values.texts, values.values = _texts_of_numbers(values).texts, None
        return _pointers(values)  # `values` keep what these point to
    if values.missing is not None:
        return VALUE_INT64, np.where(values.missing, MISSING_INT64, v.astype(np.int64))
    return VALUE_INT64, v.astype(np.int64, copy=False)


def _raw(values):
    """The type of a value, and an array of them: numbers, or addresses of texts."""
    if values.texts:
        return _pointers(values)
    v = values.values
    if v.dtype.kind != "f":
        return _integers(values)
    if values.missing is not None:
        v = np.where(values.missing, v.dtype.type(np.nan), v)
    return (VALUE_FLOAT if v.dtype.itemsize == 4 else VALUE_DOUBLE), v


_MISSING = {VALUE_TEXT: np.int64(0), VALUE_INT64: np.int64(MISSING_INT64),
            VALUE_FLOAT: np.float32(np.nan), VALUE_DOUBLE: np.float64(np.nan)}


def _raw_of_nothing(values, type):
    """Missing values of any type, whatever that of pandas' column of nothing is."""
    count = values.rows
    if values.offsets is not None:
        count = values.offsets[-1]
    is_vector = values.dim and type != VALUE_TEXT
    return type, np.full((count, values.dim) if is_vector else count, _MISSING[type])


class _Given:
    """A column of a request: what the library is told of it, and where its values are. `type`: of
    the column if it has no values."""

    def __init__(self, values, side, type):
        self.name, self.offsets, self.is_nothing = values.name, values.offsets, values.is_nothing()
        self.type, array = _raw_of_nothing(values, type) if self.is_nothing else _raw(values)
        if array.strides[0] <= 0 or array.strides[1:] not in ((), (array.itemsize,)):
            array = np.ascontiguousarray(array)  # what a stride of the library's cannot say
        self.array, self.rows, self._keep = array, values.rows, values
        self.key = (values.name, self.type, side, values.dim, int(self.offsets is not None))

    def column(self, first, rows):
        """Of these rows, and what has to stay meanwhile."""
        stride = self.array.strides[0] if len(self.array) > 1 else 0
        start = 0 if self.offsets is not None else first * stride
        return _column(self.type, self.array.ctypes.data + start, stride), self

    def list_column(self, first):
        return _list_column(self.offsets.ctypes.data + first * self.offsets.itemsize, None,
                            len(self.array))


# ---- Texts among objects ----

_PIECE = 16384  # rows that a thread scores at a time


class _Strs:
    """How this Python has str in memory, so that the library copies many at once. Meanwhile Python
    stands still: its lock is not given up, so the objects stay, whatever other threads do."""

    def __init__(self):
        head = sys.getsizeof("") - 1  # of ASCII; others have a copy in UTF-8 at times, and its size
        # Behind what the first bits say of interning: kind (3), is compact, is of ASCII.
        shift = 2 if sys.version_info < (3, 14) else 16
        states = [(kind | 8 | is_ascii) << shift for kind, is_ascii in (
            (1, 16), (1, 0), (2, 0), (4, 0))]
        self._none = (_address * 5)()
        self._layout = _text_layout(
            type_at=8, length_at=16, state_at=32, type=id(str), state_mask=31 << shift,
            states=(ctypes.c_uint32 * 4)(*states),
            text_at=(_size * 4)(head, *[str.__basicsize__ - 8] * 3),
            missing=ctypes.addressof(self._none))
        kind = ctypes.PYFUNCTYPE(_int, *_SIGNATURES["mmoe_text_copy_objects"][1:])
        self._copy = kind(_address_of(_library.mmoe_text_copy_objects))

    @classmethod
    def of_this_python(cls):
        """None: it, or the library, has others."""
        known = (sys.implementation.name == "cpython" and sys.byteorder == "little" and
                 np.dtype(np.intp).itemsize == 8 and object.__basicsize__ == 16 and
                 (sys.getsizeof(""), str.__basicsize__) in ((49, 80), (41, 64)) and
                 hasattr(_library, "mmoe_text_copy_objects"))
        made = cls() if known else None
        return made if made and made._is_right() else None

    def _is_right(self):
        """Of some texts."""
        letters = ("e", "\xe9", "e\u6771", "e\U0001f388")
        texts = [(n * text)[:n] for n in range(20) for text in letters]
        objects = np.array([*texts, b"e", 1, None, "\ud800"], object)
        addresses, others, _ = self.find(objects)
        return others.tolist() == [len(texts), len(texts) + 1, len(texts) + 3] and all(
            ctypes.string_at(a) == t.encode() for a, t in zip(addresses.tolist(), [*texts, "", ""]))

    def find(self, objects, room=0):
        """Where copies of their texts stand, that of a missing value being empty; which are others,
        for which an empty one stands; and what has to stay for it, of at least `room` bytes."""
        words = _absent_words()
        self._none[:len(words)] = list(map(id, words))
        self._layout.n_missing = len(words)
        count = len(objects)
        texts, others = np.empty((2, count), np.intp)
        there = objects.__array_interface__
        place, stride = there["data"][0], (there["strides"] or (8,))[0]
        while True:
            buffer = np.empty(max(room, 32 * count + 64), np.uint8)
            copies = _text_copies(texts=texts.ctypes.data, others=others.ctypes.data,
                                  bytes=buffer.ctypes.data, size=len(buffer))
            self._copy(ctypes.byref(self._layout), place, stride, count, ctypes.byref(copies), None)
            if copies.needed <= len(buffer):
                return texts, others[:copies.n_other], buffer
            room = copies.needed


_strs = _Strs.of_this_python()


class _GivenTexts:
    """A column of texts among Python's objects. Threads that score rows read the texts of these
    alone: the ones of a piece stay in the cache, and others are scored meanwhile."""
    offsets, is_nothing, type = None, False, VALUE_TEXT

    FEW = 64  # rows, that are read one by one sooner

    def __init__(self, name, array, side, dim):
        self.name, self.array, self.rows = name, array, len(array)
        self.key = (name, VALUE_TEXT, side, dim if dim > 1 else 0, 0)
        self._room = 0  # bytes that the texts of a piece took

    def column(self, first, rows):
        addresses, kept = self._find(self.array[first:first + rows])
        return _column(VALUE_TEXT, addresses.ctypes.data, 0), (addresses, kept)

    def _find(self, objects):
        """Where their texts are, and what has to stay for these."""
        if not _strs or len(objects) <= self.FEW:
            return self._read(objects)
        addresses, others, kept = _strs.find(objects, self._room)
        self._room = len(kept)
        if len(others):
            addresses[others], more = self._read(objects[others])
            kept = kept, more
        return addresses, kept

    def _read(self, objects):
        """By Python."""
        try:
            texts = _texts_and_gaps(self.name, objects)
        except ValueError:
            texts = None
        if texts is None:
            _objects_of(self.name, self.array)  # raises, with the row
        return _pointers(texts)[1], texts


def _given(name, values, side, wanted, type):
    """A column as the library takes it. `wanted`: whether as lists, and of how many numbers."""
    if hasattr(getattr(values, "dtype", None), "categories"):
        return _Given(_as_wanted(_category_of(name, values), *wanted), side, type)
    array, missing = _array_of(name, values)
    if array.dtype.kind == "O" and array.ndim == 1 and not wanted[0]:
        some = (v for v in itertools.islice(array, 1000) if not _is_absent(v))
        if isinstance(next(some, None), str):
            return _GivenTexts(name, array, side, wanted[1])
    return _Given(_as_wanted(_values_in(name, array, missing), *wanted), side, type)


def _batch_of(given, bound, first, rows):
    made = [g.column(first, rows) for g in given]
    columns = (_column * len(given))(*[column for column, _ in made])
    lists = [g.list_column(first) for g in given if g.offsets is not None]
    lists = (_list_column * len(lists))(*lists)
    batch = _batch(rows=rows, columns=ctypes.addressof(columns), column_count=len(given),
                   input=bound, list_columns=ctypes.addressof(lists))
    batch._arrays = made, columns, lists
    return batch


_MOST_BINDINGS = 16  # of a model: each has a copy of its layers' weights


def _input_of(keys):
    columns = (_input_column * len(keys))(*[_input_column(name.encode(), *rest, 0)
                                            for name, *rest in keys])
    return _make("mmoe_input_free", "mmoe_input_create", columns, len(keys), None)


class _Binding(_Locked):
    """Predictors of a model that are bound to one set of columns; one a thread that scores."""

    def __init__(self, model, keys):
        super().__init__()
        self._needs, self.input, self._idle = [model], None, []
        options = _predictor_options()
        if keys is not None:
            self._needs.append(_input_of(keys))
            options.input = self.input = self._needs[1].address
        self._first = self._predictor("mmoe_predictor_create_with", model.address,
                                      ctypes.byref(options), None)

    def _predictor(self, *how):
        return _make("mmoe_predictor_free", *how, needs=self._needs)

    def run(self, work):
        """work(the address of a predictor that no other thread has)"""
        with self._lock:
            predictor = self._idle.pop() if self._idle else None
        if predictor is None:
            predictor = self._predictor("mmoe_predictor_clone", self._first.address, None)
        try:
            return work(predictor.address)
        finally:
            with self._lock:
                self._idle.append(predictor)


def _checked_threads(threads):
    if not 0 <= operator.index(threads) <= 256:
        raise ValueError(f"threads is {threads}, and must be 0 (one a processor) to 256")
    return threads


def _processors():
    return min(256, len(os.sched_getaffinity(0)))


def _faults(bad):
    """None: a row at fault is an error; else the list of such rows' errors."""
    if bad not in ("error", "nan"):
        raise ValueError(f'bad is {bad!r}; allowed are "error" and "nan"')
    return [] if bad == "nan" else None


def _in_order(faults):
    return sorted(faults or (), key=lambda error: error.row)


def _past_faults(batch, faults, first, *call):
    """Scores the batch by a call; `faults`, unless it is None, gets an Error for each row at
    fault."""
    if faults is None:
        _call(*call, first=first)
        return
    room, bad = 0, _bad_rows(count=64)
    while bad.count > room:  # there are more than have found room
        room = bad.count
        errors = (_error * room)()
        bad = _bad_rows(ctypes.addressof(errors), room)
        batch.bad = ctypes.addressof(bad)
        _call(*call, first=first)
    faults.extend(_error_of(e, first) for e in errors[:bad.count])


def _in_threads(rows, threads, work):
    """work(first, rows) over all rows, a piece at a time, by so many threads; of errors the first
    row's is raised."""
    pieces = [(first, min(_PIECE, rows - first)) for first in range(0, rows, _PIECE)]
    most = min(threads or _processors(), len(pieces))
    if most <= 1:
        for piece in pieces or [(0, 0)]:
            work(*piece)
        return
    with concurrent.futures.ThreadPoolExecutor(most) as pool:
        running = [pool.submit(work, *piece) for piece in pieces]
        try:
            for piece in running:
                piece.result()
        finally:
            for piece in running:
                piece.cancel()


# ---- Data sets: rows to train from, and to evaluate ----

class MmoeWarning(UserWarning):
    """What is suspicious of the data or of a run, by Python's `warnings`."""


def _warn(warning):
    where = f"{warning.file.decode()}: " if warning.file else ""
    _warn_caller(where + warning.message.decode(errors="replace"))


def _warn_caller(text):
    """With the caller's line."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_code.co_filename == __file__:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, MmoeWarning, stacklevel=level)


def _warn_all(function, address):
    """All warnings of a data set or a model."""
    for i in itertools.count():
        warning = getattr(_library, function)(address, i)
        if not warning:
            return
        _warn(_warning.from_address(warning))


def _figures_of(m):
    """The figures of a task, as the program's JSON has them; NaN: undefined, "why" says why."""
    figures = {}
    for i, value in enumerate(m.values):
        metric = _library.mmoe_metric_at(m.type, i)
        if metric and (m.group or not _metric.from_address(metric).of_groups):
            figures[_metric.from_address(metric).name.decode()] = value
    baseline = _baseline.from_address(_library.mmoe_baseline_of(m.type))
    figures.update({baseline.name.decode(): m.base, baseline.ratio.decode(): m.relative,
                    "constant": m.constant, "constant_is_of_training": not m.constant_is_of_rows,
                    "rows": m.rows})
    if m.why:
        figures["why"] = m.why.decode()
    if m.group:
        figures["groups"] = {
            "column": m.group.decode(), "count": m.groups, "one_class": m.one_class_groups,
            "one_class_rows": m.one_class_group_rows, "single": m.single_groups,
            "rows_without": m.no_group_rows}
    return figures


def _figures_by_task(address, count):
    metrics = (_task_metrics * count).from_address(address)
    return {m.name.decode(): _figures_of(m) for m in metrics}


class _Line:
    """A line that says how far the work is, as notebooks and terminals show it."""

    def __init__(self, progress):
        notebook = "ipykernel" in sys.modules
        self._file = sys.stdout if notebook else sys.stderr  # None: the process has none
        self.is_on = self._file is not None and (
            notebook or self._file.isatty() if progress is None else progress)

    def show(self, text, end="\r"):
        if self.is_on:
            print(f"{text:79}", end=end, file=self._file, flush=True)

    def clear(self):
        self.show("", end="\r")


class _Watched(_Kept):
    """Work of the library's that tells how far it is and what is suspicious. What a callback of the
    caller raises ends the work, and is raised behind it."""

    def __init__(self, progress):
        super().__init__(self._stop)
        self.line = _Line(progress)
        self.on_work = _ON_WORK(lambda _, w: self._guard(self._work, w.contents))
        self.on_warning = _ON_WARNING(lambda _, w: self._guard(_warn, w.contents) and None)
        self.watcher, self.stopped = _watcher(_address_of(self.on_work)), _int(0)

    def _stop(self):
        """Ends the work, where the library can."""
        self.stopped.value = 1

    def _guard(self, function, told):
        """1: the work is to end."""
        if self.raised is None:
            self.keep(function, told)
        return int(self.raised is not None)

    def _work(self, work):
        share = f"{100 * work.done // work.total} %" if work.total else f"{work.rows} rows"
        self.line.show(f"{work.what.decode()}: {share}")


def _config_of(address):
    text = _address()
    try:
        _call("mmoe_config_text", address, ctypes.byref(text))
        return json.loads(ctypes.string_at(text.value))
    finally:
        _library.mmoe_config_text_free(address, text)


def _config_from(config):
    """A configuration: a dictionary, or the path of a file."""
    if isinstance(config, (str, os.PathLike)):
        return _make("mmoe_config_free", "mmoe_config_read", _c_path(config), None)
    if not isinstance(config, dict):
        raise TypeError(f"config: a dictionary or the path of a JSON file is wanted, not "
                        f"{type(config).__name__}")
    try:
        text = json.dumps(config).encode()
    except TypeError as fault:
        raise TypeError(f"config: {fault}") from None
    return _make("mmoe_config_free", "mmoe_config_parse", text, len(text), None, None)


class _Reader:
    """Makes data sets: the first one, of training rows, makes the schema of a configuration; those
    of a schema that stands keep columns beside their rows."""

    def __init__(self, run, threads, config, schema=None):
        self.run, self.threads = run, _checked_threads(threads)
        self.config, self.schema, self._group = config, schema, ()

    def _groups(self):
        """The configuration's data.group, or None."""
        self._group = self._group or [(_config_of(self.config.address).get("data") or {}).get(
            "group")]
        return self._group[0]

    def read(self, data, what, keep=(), grouped=True):
        """`keep`: columns that must be there, as the group need not. `grouped`: whether rows that a
        schema reads are to be judged, so that groups are looked for."""
        is_path = isinstance(data, (str, os.PathLike))
        keep, group = list(dict.fromkeys(keep)), None
        if self.schema and grouped:
            group = self._groups()
        if is_path and os.path.isdir(data):
            made = self._packed(data)
        elif is_path or isinstance(data, (list, tuple)):
            made = self._csv([data] if is_path else data, what, keep, group)
        else:
            made = self._stream(_stream_of(data, what), what, keep, group)
        self.run.line.clear()
        _warn_all("mmoe_dataset_warning", made.address)
        return made

    def _make(self, call, functions, rows, *how):
        """By the first function, which makes the schema, too, or by the second with the one that is
        there. `rows`, `how`: what follows the configuration or the schema."""
        data, schema = _Owned("mmoe_dataset_free"), _Owned("mmoe_schema_free")
        if self.schema:
            call(functions[1], self.schema.address, rows, *how, None, ctypes.byref(data.made))
        else:
            call(functions[0], self.config.address, rows, *how, None, ctypes.byref(schema.made),
                 ctypes.byref(data.made))
            self.schema = schema
        return data

    def _packed(self, folder):
        return self._make(_call, ("mmoe_dataset_fit_packed", "mmoe_dataset_read_packed"),
                          _c_path(folder), PACKED_LOADED)

    def _csv(self, paths, what, keep, group):
        if not paths or not all(isinstance(p, (str, os.PathLike)) for p in paths):
            raise TypeError(f"{what}: a list must have paths")
        first, *more = map(_c_path, paths)
        more = (_text * len(more))(*more)
        if group and group not in keep:
            keep = [*keep, group]
        kept = (_text * (len(keep) + 1))(*[_c_text(name, what) for name in keep], None)
        options = _read_options(
            labels=LABELS_REQUIRED, threads=self.threads or _processors(), n_more=len(more),
            keep=ctypes.addressof(kept) if keep else None,
            more=ctypes.addressof(more) if more else None,
            watcher=ctypes.addressof(self.run.watcher), stop=ctypes.addressof(self.run.stopped))
        return self._make(self.run.call, ("mmoe_dataset_fit_csv_with",
                                          "mmoe_dataset_read_csv_with"),
                          first, ctypes.byref(options))

    def _stream(self, stream, what, keep, group):
        columns = getattr(stream, "columns", {})
        for name in keep:
            if name not in columns:
                raise Error(f'{what}: column "{name}": it is not given by a DataFrame or a '
                            "dictionary, and to be kept beside the rows", column=name)
        if group in columns:
            keep = dict.fromkeys([*keep, group])
        elif group:
            _warn_caller(f'{what}: no groups (data.group) are made of the column "{group}", '
                         "so there is no gauc: a DataFrame or a dictionary that has it gives them")
        kept = {name: _words_of(_values_of(name, columns[name])) for name in keep}
        made = self._make(stream.call, ("mmoe_dataset_fit_arrow", "mmoe_dataset_from_arrow"),
                          stream.address, *([LABELS_REQUIRED] if self.schema else []))
        for name, values in kept.items():
            addresses = _pointers(values)[1]
            _call("mmoe_dataset_keep", made.address, _c_text(name, what), addresses.ctypes.data)
        return made


def _words_of(values):
    """The same values as texts."""
    if values.offsets is not None or np.ndim(values.values) > 1:
        raise TypeError(f'column "{values.name}": lists cannot be kept beside the rows')
    return values if values.texts else _texts_of_numbers(values)


# ---- Models ----


def _checked_meta(meta):
    """{key: text} for C; of None there are none."""
    made = []
    if meta is not None and not isinstance(meta, dict):
        raise TypeError(f"meta: a dictionary of texts is wanted, not {type(meta).__name__}")
    for key, value in (meta or {}).items():
        made.append((_c_text(key, "meta"), value if value is None else _c_text(value, str(key))))
        _call("mmoe_meta_check", *made[-1])
    return made


def _put_meta(model, meta):
    for key, value in meta:
        _call("mmoe_model_set_meta", model, key, value)


class Scores(dict):
    """{task: float32 [rows]}. `bad`: an Error for each row that is at fault, whose scores are NaN
    (predict(bad="nan"))."""
    bad = ()


# The best items, best first. `rows`: their numbers; `scores`: their final scores; `tasks`: {task:
# its scores of them}; `bad`: an Error for each item that is at fault, whose scores are NaN.
Ranking = collections.namedtuple("Ranking", "rows scores tasks bad")


class Model(_Locked):
    """A trained model, which never changes: any number of threads may use it.

    `tasks`: their names; `columns`: those of the data that it reads; `score`: the expression of the
    final score, or None; `config`: its configuration, defaults filled in; `history`: of a model
    that was just trained, what on_epoch gets of each epoch."""

    def __init__(self, owned):
        super().__init__()
        self._owned, address = owned, owned.address
        self._bindings = {}  # the one that was used last stands last
        self._types = {}  # of a column when it last had values; texts are right for each
        self.history = []
        self.tasks = [_library.mmoe_model_task_name(address, i).decode()
                      for i in range(_library.mmoe_model_task_count(address))]
        score = _library.mmoe_model_score(address)
        self.score = score.decode() if score else None
        self._wanted, self._parts = self._read_columns()
        self.columns = [c for name in self._wanted for c in self._parts.get(name, [name])]

    def __reduce__(self):
        raise TypeError("a model has memory of the library's, and no copy by pickle or deepcopy: "
                        "save it, and mmoe.load it in the other process")

    @property
    def address(self):
        """The mmoe_model *, for other functions of the library."""
        return self._owned.address

    def _read_columns(self):
        """Column: (whether it is a list, numbers of a value); sequence: the columns it is of."""
        wanted, parts, model = {}, {}, self.address
        for i in range(_library.mmoe_model_sparse_count(model)):
            names = _address()
            count = _library.mmoe_model_sparse_columns(model, i, ctypes.byref(names))
            several = (_text * count).from_address(names.value) if count else []
            several = [t.decode() for t in several]
            is_list = bool(_library.mmoe_model_sparse_list(model, i, None))
            if several and is_list:
                name = _library.mmoe_model_sparse_name(model, i).decode()
                parts[name] = several
            elif not several:
                name = _library.mmoe_model_sparse_column(model, i).decode()
            for column in [name] if is_list or not several else several:
                wanted.setdefault(column, (is_list, 1))
        for i in range(_library.mmoe_model_dense_count(model)):
            name = _library.mmoe_model_dense_column(model, i).decode()
            wanted.setdefault(name, (False, _library.mmoe_model_dense_dim(model, i)))
        return wanted, parts

    @property
    def config(self):
        return _config_of(_library.mmoe_model_config(self.address))

    @property
    def meta(self):
        """{key: text} that the model's file keeps: the caller's, and what training tells of the
        weights ("training.rows", "training.TASK.auc" ...)."""
        texts, value = {}, _text()
        for i in itertools.count():
            key = _library.mmoe_model_meta_at(self.address, i, ctypes.byref(value))
            if key is None:
                return texts
            texts[key.decode()] = value.value.decode()

    def save(self, path, meta=None):
        """Writes the model whole or not at all. `meta`: texts that the file has, too, or in the
        place of the model's; None takes one out. They take a copy of the model meanwhile."""
        owned, meta = self._owned, _checked_meta(meta)
        if meta:
            owned = _make("mmoe_model_free", "mmoe_model_clone", self.address, None)
            _put_meta(owned.address, meta)
        _call("mmoe_model_save", owned.address, _c_path(path))

    def weights(self):
        """{torch-rechub's name: array}, which cannot be written to and need no copy."""
        arrays, info = {}, _tensor_info()
        while _library.mmoe_model_tensor(self.address, len(arrays), ctypes.byref(info)) == 0:
            name = info.name.decode()
            if not info.data:
                raise Error(f"{name}: a table of {info.type.decode()}, which has no floats",
                            column=name)
            shape = tuple(info.shape[:info.rank])
            kind = _int64 if info.is_integer else ctypes.c_float
            memory = (kind * int(np.prod(shape))).from_address(info.data)
            memory._model = self  # lives as long as an array does
            array = np.frombuffer(memory, np.int64 if info.is_integer else np.float32)
            arrays[name] = array.reshape(shape)
            arrays[name].flags.writeable = False
        return arrays

    def to_torch(self):
        """The weights as a torch model's state_dict: torch_model.load_state_dict(model.to_torch())
        of torch-rechub's model of the same features and sizes."""
        import torch
        return {name: torch.from_numpy(array.copy()) for name, array in self.weights().items()}

    def _check_names(self, given, ignore_additional):
        """Whether these columns are those that the model reads."""
        for name in self._wanted:
            missing = [c for c in self._parts.get(name, [name]) if c not in given]
            if missing and name not in given:
                raise Error(f'column "{missing[0]}": the model reads this column, and it is not '
                            "given", column=missing[0])
        known = {*self._wanted, *self.columns}
        for name in given:
            if name not in known and not ignore_additional:
                raise Error(f'column "{name}": the model does not read this column (columns that '
                            "it reads: model.columns)", column=name)

    def _given(self, columns, side):
        """The columns that the model reads."""
        given = [_given(name, values, side, self._wanted[name], self._types.get(name, VALUE_TEXT))
                 for name, values in columns.items() if name in self._wanted]
        _check_lengths(given)
        return given

    def _user(self, user):
        """A user's columns: one row, whose values may stand there without a list around them."""
        columns = {}
        for name, value in _columns_of_request(user, "user").items():
            is_list, dim = self._wanted.get(name, (False, 1))
            nested = (is_list or dim > 1) and _is_sequence(value) and not any(
                map(_is_sequence, value))
            columns[name] = [value] if nested or not _is_sequence(value) else value
        given = self._given(columns, SIDE_USER)
        if given and given[0].rows != 1:
            raise Error(f'column "{given[0].name}": {given[0].rows} rows, and a user has one',
                        column=given[0].name)
        return columns, given

    def _bind(self, given):
        """The predictors for these columns; None: for encoded rows."""
        keys = None if given is None else tuple(g.key for g in given)
        with self._lock:
            binding = self._bindings.pop(keys, None) or _Binding(self._owned, keys)
            self._bindings[keys] = binding
            if len(self._bindings) > _MOST_BINDINGS:
                del self._bindings[next(iter(self._bindings))]
            self._types.update((g.name, g.type) for g in given or () if not g.is_nothing)
            return binding

    def _request(self, user, items, ignore_additional):
        """The columns of the user and of the items, and how many items."""
        columns, of_user = self._user(user) if user is not None else ({}, [])
        rows = _columns_of_request(items, "items")
        self._check_names([*columns, *rows], ignore_additional)
        given = self._given(rows, SIDE_ITEM)
        return of_user, given, given[0].rows if given else 0

    def predict(self, rows, *, user=None, bad="error", threads=0, ignore_additional=False):
        """{task: float32 scores} of the rows: a dictionary of arrays or lists, a DataFrame, or what
        gives a stream of Arrow. `user`: the columns of the one user of all rows. Columns that the
        model does not read are an error, or passed over. `bad`: a row with a value that is not
        allowed is an "error", or its scores are "nan" and Scores.bad says why. `threads`: at most;
        0: one a processor."""
        faults, threads = _faults(bad), _checked_threads(threads)
        if user is None and (_is_stream(rows) or self._is_of_cells(_columns_of(rows))):
            work, count = self._encoded(rows, ignore_additional, faults)
        else:
            of_user, given, count = self._request(user, rows, ignore_additional)
            work = self._bound(of_user, given, faults)
        scores = np.empty((count, len(self.tasks)), np.float32)
        _in_threads(count, threads, lambda first, n: work(first, n, scores[first:first + n]))
        made = Scores((task, scores[:, i]) for i, task in enumerate(self.tasks))
        made.bad = _in_order(faults)
        return made

    def _bound(self, of_user, given, faults):
        """What scores rows of a request."""
        binding = self._bind(of_user + given)
        users = [ctypes.byref(_batch_of(of_user, binding.input, 0, 1))] if of_user else []
        call = "mmoe_predictor_rank" if of_user else "mmoe_predictor_run"
        reading = threading.Lock()  # one thread at a time: they would take turns at each step

        def work(first, count, scores):
            with reading:
                batch = _batch_of(given, binding.input, first, count)
            binding.run(lambda predictor: _past_faults(
                batch, faults, first, call, predictor, *users, ctypes.byref(batch),
                scores.ctypes.data))
        return work

    def _is_of_cells(self, columns):
        """Whether a sequence stands there as in a CSV file: texts, or one column an element."""
        return any(is_list and (_is_of_texts(columns[name]) if name in columns
                                else name in self._parts)
                   for name, (is_list, _) in self._wanted.items())

    def _encoded(self, rows, ignore_additional, faults):
        """What scores rows that the model's schema has read, and how many they are."""
        stream = _stream_of(rows, "rows")
        self._check_names(stream.names(), ignore_additional)
        labels = LABELS_IGNORED if faults is None else ROWS_TO_SCORE
        data = _Owned("mmoe_dataset_free")
        stream.call("mmoe_dataset_from_arrow", _library.mmoe_model_schema(self.address),
                    stream.address, labels, None, ctypes.byref(data.made))
        binding = self._bind(None)

        def work(first, count, scores):
            batch = _batch()
            _call("mmoe_dataset_batch", data.address, first, count, ctypes.byref(batch))
            binding.run(lambda predictor: _call("mmoe_predictor_run", predictor,
                                                ctypes.byref(batch), scores.ctypes.data))
            for i in range(count if faults is not None else 0):
                if _library.mmoe_dataset_lacks(data.address, first + i):
                    scores[i] = np.nan
                    faults.append(Error(f"row {first + i + 1}: a value is missing that its feature "
                                        "must have", E_DATA, row=first + i + 1))
        return work, _library.mmoe_dataset_rows(data.address)

    def rank(self, user, items, k=None, *, score=None, bad="error", ignore_additional=False):
        """The Ranking of items by a final score: `score`, an expression of the tasks ("ctr *
        cvr^0.5"); None: the configuration's, or the score of the only task. `user`: {column:
        value}, or None; `items`, `bad`: as of `predict`; `k`: at most so many."""
        faults, wanted = _faults(bad), _scoring()
        if score is not None:
            score = _make("mmoe_expression_free", "mmoe_expression_create", self.address,
                          _c_text(score, "score"), None)
            wanted.expression = score.address
        of_user, given, count = self._request(user, items, ignore_additional)
        binding = self._bind(of_user + given)
        k = count if k is None else min(operator.index(k), count)
        if k < 0:
            raise ValueError(f"k is {k}, and must not be negative")
        rows, scores = np.empty(k, np.uintp), np.empty(k, np.float32)
        tasks = np.empty((k, len(self.tasks)), np.float32)
        wanted.rows, wanted.scores, wanted.task_scores, wanted.k = (
            rows.ctypes.data, scores.ctypes.data, tasks.ctypes.data, k)
        users = _batch_of(of_user, binding.input, 0, 1) if of_user else None
        batch = _batch_of(given, binding.input, 0, count)
        binding.run(lambda predictor: _past_faults(
            batch, faults, 0, "mmoe_predictor_score_with", predictor, users and ctypes.byref(users),
            ctypes.byref(batch), ctypes.byref(wanted)))
        by_task = {task: tasks[:, i] for i, task in enumerate(self.tasks)}
        return Ranking(rows.astype(np.int64), scores, by_task, _in_order(faults))

    def evaluate(self, rows, *, by=None, slices=None, group=None, group_weight=None, threads=0,
                 progress=None):
        """{task: {figure: value}} of rows with labels, as `train` takes them, to the bits of `mmoe
        evaluate`. `by`: a column; then there come two, these and {its value: the same of the rows
        that have it}, None being a missing value, those of the most rows first (`slices`: at most
        so many). `group`, `group_weight`: as "data.group" of the configuration, if not that."""
        if slices is not None and operator.index(slices) < 1:
            raise ValueError(f"slices is {slices}, and must be at least 1")
        by_c, group_c = _c_word(by, "by"), _c_word(group, "group")
        run = _Watched(progress)
        config = _Borrowed(_library.mmoe_model_config(self.address))
        reader = _Reader(run, threads, config,
                         _Borrowed(_library.mmoe_model_schema(self.address)))
        data = reader.read(rows, "rows", [name for name in (group, by) if name is not None])
        return _evaluate(run, self, data, _evaluate_options(
            threads=threads, most_slices=min(slices or _MOST, _MOST), group=group_c,
            group_weight=_c_word(group_weight, "group_weight"), by=by_c))


def _evaluate(run, model, data, options):
    metrics, slices = (_task_metrics * len(model.tasks))(), _address()
    address, on_warning = ctypes.addressof(metrics), _address_of(run.on_warning)
    options.watcher = ctypes.addressof(run.watcher)
    run.call("mmoe_model_check_labels", model.address, data.address, on_warning, None)
    try:
        run.call("mmoe_evaluate_by", model.address, data.address, ctypes.byref(options), None,
                 address, ctypes.byref(slices))
        run.line.clear()
        figures = _figures_by_task(address, len(metrics))
        run.call("mmoe_metrics_check", address, len(metrics), b"rows", on_warning, None)
        if not slices:
            return figures
        shown = _row_slices.from_address(slices.value)
        items = (_row_slice * shown.count).from_address(shown.items) if shown.count else ()
        return figures, {s.value and s.value.decode(): _figures_by_task(s.metrics, len(metrics))
                         for s in items}
    finally:
        _library.mmoe_row_slices_free(slices)


def _is_sequence(value):
    return (hasattr(value, "__len__") and not isinstance(value, (str, bytes)) and
            getattr(value, "ndim", 1) > 0)


def _is_of_texts(values):
    return _is_sequence(values) and isinstance(
        next((v for v in values if not _is_absent(v)), None), (str, bytes))


def load(source, map=False):
    """The model of a file: its path, or what stands in it (bytes, bytearray, memoryview ...).
    `map`: large tables are not read but mapped, and shared by the processes that do; nobody may
    write into the file then (mv another in its place)."""
    if isinstance(source, (str, os.PathLike)):
        options = _load_options(map_tables=bool(map))
        return Model(_make("mmoe_model_free", "mmoe_model_load_with", _c_path(source),
                           ctypes.byref(options), None))
    if map:
        raise ValueError("map: bytes are no file that could be mapped")
    content = np.frombuffer(source, np.uint8)
    return Model(_make("mmoe_model_free", "mmoe_model_load_bytes", content.ctypes.data,
                       len(content), None))



# ---- Training ----

def _epoch_name(told):
    member = f"member {told.member}/{told.n_member}, " if told.n_member > 1 else ""
    return f"{member}epoch {told.epoch}/{told.n_epoch}"


class _Run(_Watched):
    """Of a trainer: passes on what it tells."""

    def __init__(self, on_epoch, on_progress, progress):
        super().__init__(progress)
        for name, told in ("on_epoch", on_epoch), ("on_progress", on_progress):
            if told is not None and not callable(told):
                raise TypeError(f"{name}: a function is wanted, not {type(told).__name__}")
        self.on_epoch, self.on_progress = on_epoch, on_progress
        self.tasks, self.history, self.trainer = [], [], None

    def _stop(self):
        super()._stop()
        if self.trainer:
            _library.mmoe_trainer_stop(self.trainer.address)

    def _progress(self, p):
        told = {name: getattr(p, name) for name in (
            "member", "n_member", "epoch", "n_epoch", "rows_done", "rows", "seconds")}
        told["task_loss"] = self._by_task(p.task_loss)
        self.line.show(f"{_epoch_name(p)}: {100 * p.rows_done // max(p.rows, 1)} %")
        if self.on_progress:
            self.on_progress(told)

    def _epoch(self, r):
        told = {name: getattr(r, name) for name in (
            "member", "n_member", "epoch", "n_epoch", "rows", "seconds", "rows_per_second", "loss",
            "score", "lr")}
        told.update(is_best=bool(r.is_best), task_loss=self._by_task(r.task_loss), valid=None)
        if r.valid:
            told["valid"] = _figures_by_task(r.valid, r.n_task)
        self.history.append(told)
        score = f", score {r.score:.5f}" if r.valid else ""
        done = (f"loss {r.loss:.5f}{score}, {r.rows_per_second:,.0f} rows/s" if r.epoch
                else f"a linear model{score}")
        self.line.show(f"{_epoch_name(r)}: {done}", end="\n")
        if self.on_epoch:
            self.on_epoch(told)

    def _by_task(self, figures):
        return dict(zip(self.tasks, (_double * len(self.tasks)).from_address(figures)))

    def fit(self, model, options, train, valid, resume):
        calls = [_ON_EPOCH(lambda _, r: self._guard(self._epoch, r.contents)),
                 _ON_PROGRESS(lambda _, p: self._guard(self._progress, p.contents))]
        options.on_epoch, options.on_progress = map(_address_of, calls)
        options.on_warning = _address_of(self.on_warning)
        self.trainer = _Owned("mmoe_trainer_free", model._owned)
        try:
            self.call("mmoe_trainer_create", model.address, ctypes.byref(options), None,
                      ctypes.byref(self.trainer.made))
            if resume is not None:
                self.call("mmoe_trainer_resume", self.trainer.address, _c_path(resume))
            self.call("mmoe_trainer_fit", self.trainer.address, train.address,
                      valid and valid.address)
        finally:
            self.trainer = None


def train(config, train, valid=None, *, meta=None, threads=0, checkpoint=None, resume=None,
          on_epoch=None, on_progress=None, progress=None):
    """Trains a model: as `mmoe train` does, to the same bits.

    `config`: a dictionary, or the path of a JSON file. `train`, `valid`: rows, each a path (a CSV
    file, a packed folder), a list of paths, a DataFrame, a dictionary of arrays or lists, or what
    gives a stream of Arrow. `meta`: texts that the model keeps (Model.meta). `checkpoint`: a path
    that is written after each epoch; `resume`: one that is continued. `threads`: 0: one a
    processor.

    on_epoch(dict) is called after each epoch, on_progress(dict) at most ten times a second; what
    they raise, and an interrupt, ends the training and arrives here. `progress`: whether a line
    says how far it is (None: in notebooks and on terminals). What is suspicious is an MmoeWarning.
    """
    meta = _checked_meta(meta)
    run = _Run(on_epoch, on_progress, progress)
    owned = _config_from(config)
    reader = _Reader(run, threads, owned)
    rows = reader.read(train, "train")
    judged = None if valid is None else reader.read(valid, "valid")
    model = Model(_make("mmoe_model_free", "mmoe_model_create", owned.address,
                        reader.schema.address, None))
    _put_meta(model.address, meta)
    run.tasks = model.tasks
    options = _trainer_options(threads=threads, single_threaded_blas=1,
                               checkpoint_path=None if checkpoint is None else
                               _c_path(checkpoint))
    run.fit(model, options, rows, judged, resume)
    model.history = run.history
    return model


class Trainer:
    """Trains a copy of a model on, a step at a time, as its configuration says: from rows that come
    in while others are scored. One thread at a time is in it."""

    def __init__(self, model, *, threads=0):
        if not isinstance(model, Model):
            raise TypeError(f"model: a Model is wanted, not {type(model).__name__}")
        copy = _make("mmoe_model_free", "mmoe_model_clone", model.address, None)
        options = _trainer_options(threads=_checked_threads(threads), single_threaded_blas=1)
        self._owned = _make("mmoe_trainer_free", "mmoe_trainer_create", copy.address,
                            ctypes.byref(options), None, needs=[copy])
        self._model, self._tasks, self._lock = copy, model.tasks, threading.RLock()
        self._averages = bool(model.config["trainer"]["ema_decay"])
        self._like = model  # reads the same columns

    def __reduce__(self):
        raise TypeError("a trainer has memory of the library's, and no copy by pickle, copy or "
                        "deepcopy: save a checkpoint, and resume from it in another")

    def _check_process(self):
        if self._owned.process != os.getpid():
            raise Error("a trainer's threads stay in the process that made it, and this was forked")

    def _call(self, name, *arguments):
        self._check_process()
        with self._lock:
            _call(name, self._owned.address, *arguments)

    def step(self, rows):
        """One update with these rows, as `train` takes them, at most trainer.batch_size. {task: its
        loss before it}."""
        losses = (_double * len(self._tasks))()
        self._check_process()
        with self._lock:  # no other thread grows the vocabularies that rows are read by
            reader = _Reader(_Watched(False), 1, _Borrowed(_library.mmoe_model_config(
                self._model.address)), _Borrowed(_library.mmoe_model_schema(self._model.address)))
            data = reader.read(rows, "rows", grouped=False)
            self._call("mmoe_trainer_step", data.address, 0,
                       _library.mmoe_dataset_rows(data.address), losses)
        return dict(zip(self._tasks, losses))

    def grow(self, rows, *, max_rows=0):
        """Before a step from these rows: ids that the learned vocabularies do not know get rows of
        their own, as `mmoe train --from OLD --grow` gives them; what was published stays. `rows`: a
        dictionary or a DataFrame; columns that the model does not read are passed over. `max_rows`:
        of a table, at most; 0: any. (rows that are new, values that stay unknown, for want of room
        or because their table does not learn)."""
        if _is_stream(rows) or self._like._is_of_cells(_columns_of(rows)):
            raise TypeError("rows: a dictionary or a DataFrame is wanted, with sequences as lists")
        max_rows = max(-1, min(operator.index(max_rows), 2**63 - 1))
        _, given, count = self._like._request(None, rows, True)
        bound, grown = _input_of([g.key for g in given]), _grown()
        batch, limits = _batch_of(given, bound.address, 0, count), _growth(max_rows=max_rows)
        self._call("mmoe_trainer_grow", ctypes.byref(batch), ctypes.byref(limits),
                   ctypes.byref(grown))
        return grown.rows, grown.left_out

    def set_lr(self, lr):
        """The learning rate from the next step on, in the place of optimizer_params.lr."""
        try:
            rate = _double(lr)
        except TypeError:
            raise TypeError(f"lr: a number is wanted, not {type(lr).__name__}") from None
        self._call("mmoe_trainer_set_lr", rate)

    def save(self, path):
        """A checkpoint: a trainer of the same configuration that resumes from it goes on to the
        same bits."""
        self._call("mmoe_trainer_save", _c_path(path))

    def resume(self, path):
        self._call("mmoe_trainer_resume", _c_path(path))

    def publish(self):
        """A Model of the weights as they are now, to score with while this goes on."""
        if self._averages:
            raise Error("trainer.ema_decay: the moving average of steps cannot be published")
        self._check_process()
        with self._lock:
            return Model(_make("mmoe_model_free", "mmoe_model_clone", self._model.address, None))


# ---- From torch ----


_TENSOR_TYPES = {"<f2": "F16", "<f4": "F32", "<f8": "F64", "<i8": "I64"}


def _as_array(tensor):
    """Of a tensor of torch's, whose bfloat16 NumPy has not, or of an array."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    return np.ascontiguousarray(tensor).reshape(np.shape(tensor))


def _write_safetensors(file, arrays):
    header, end = {}, 0
    for name, a in arrays.items():
        if a.dtype.str not in _TENSOR_TYPES:
            raise TypeError(f"{name}: a tensor of the type {a.dtype}")
        header[name] = {"dtype": _TENSOR_TYPES[a.dtype.str], "shape": a.shape,
                        "data_offsets": [end, end + a.nbytes]}
        end += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for a in arrays.values():
        file.write(a.tobytes())
    file.flush()


def _columns_of_config(config):
    """The columns that the features read, by their names."""
    columns = {}
    for features in config["features"].values():
        for f in features:
            for name in f.get("cross") or f.get("columns") or [f.get("column") or f["name"]]:
                columns[name] = None
    return list(columns)


def from_torch(torch_model, config, columns=None):
    """A model with the weights of torch-rechub's, or of its state_dict. `config` as of `train`;
    every sparse feature and sequence needs vocab_size, hash_bucket_size or boundaries, as there are
    no rows to learn them from, and no number a transform that is learned. `columns`: the names of
    the data's columns, where the configuration has patterns for them."""
    state = torch_model.state_dict() if hasattr(torch_model, "state_dict") else torch_model
    owned = _config_from(config)
    names = columns or _columns_of_config(_config_of(owned.address))
    names = (_text * len(names))(*[_c_text(name, "columns") for name in names])
    schema = _make("mmoe_schema_free", "mmoe_schema_create", owned.address, names, len(names),
                   None)
    model = Model(_make("mmoe_model_free", "mmoe_model_create", owned.address, schema.address,
                        None))
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        _write_safetensors(file, {name: _as_array(t) for name, t in state.items()})
        _call("mmoe_model_load_weights", model.address, os.fsencode(file.name))
    _warn_all("mmoe_model_warning", model.address)
    return model
