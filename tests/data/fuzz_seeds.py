"""Writes the seeds of the fuzzers, tests/data/fuzz/READER/NAME: python3 tests/data/fuzz_seeds.py"""
import gzip, json, os, struct

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fuzz")


def put(reader, name, data):
    os.makedirs(os.path.join(here, reader), exist_ok=True)
    with open(os.path.join(here, reader, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


csv = {
    "header": "a,b,c\n1,-2.5,x\n3e2,+4,y\n",
    "quotes": 'a,"b ""q"" c"\n"1\n2",x\n"",y\n',
    "semicolon": "a;b\n1,5;2\n2,5;3\n",
    "tabs": "a\tb\n1\t2\n\t4\n",
    "blanks": "1 2  3\n4 5\t6\n",
    "crlf_bom": "\ufeffa,b\r\n1,2\r\n\r\n3,4\r\n",
    "missing": "a,b,a\n?,NA,\n1,nan,-\n2,3,4\n",
    "slip": "a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(30)) + "oops,1\n",
    "huge": "a,b\n1e999,1e-999\n1e308,-inf\n",
    "digits": "0.30000000000000004,1.7976931348623157e308,4.9e-324,123456789012345678901234567890\n",
    "open": 'a,b\n"1,2\n',
    "behind": 'a,b\n"1"x,2\n',
    "ragged": "a,b\n1,2,3\n",
    "comments": "# hello\na,b\n# 1\n1,2\n",
    "hollow": "a,b,\n1,2,\n3,4,\n,,\n",
    "signs": "a,b\n$1,+\n\"$2,345.5\",-\n",
    "units": "t,v\n[s],m/s\n1,2\n3,4\n",
    "title": "x\n\ny,z\n\na,b,c,d\n1,2,3,4\n",
    "nul": b"a,b\n1,\0\n",
    "latin1": b"a,b\nJos\xe9,1\nAnn,2\n",
    "utf16": b"\xff\xfea\0,\0b\0",
    "utf16_big": b"\xfe\xff" + "w\u00f6rd\tb\u20ac\r\n\U0001f600\t1\r\nx\t2\r\n".encode("utf-16-be"),
    "utf16_broken": b"\xff\xfea\0\n\0\x00\xd8,\0",
    "wide": ",".join(str(i) for i in range(300)) + "\n" + ",".join("7" for i in range(300)) + "\n",
    "pipes": "a|b\n1|2\n3|4\n",
    "index": ",a,b\n0,1,2\n1,3,4\n",
}
for name, text in csv.items():
    put("csv", name, text)

put("idx", "images", struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 2, 2) + bytes(range(8)))
put("idx", "labels", struct.pack(">BBBBI", 0, 0, 8, 1, 3) + bytes([7, 1, 2]))
for code, letter in ((9, "b"), (11, "h"), (12, "i"), (13, "f"), (14, "d")):
    put("idx", f"type{code}", struct.pack(">BBBB2I", 0, 0, code, 2, 2, 2) + struct.pack(">4" + letter, 1, 2, 3, 4))
put("idx", "vast", struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1))
put("idx", "wraps", struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 4))
put("idx", "empty", struct.pack(">BBBB2I", 0, 0, 8, 2, 0, 5))
put("idx", "short", struct.pack(">BBBB", 0, 0, 8, 255))


def npy(header, data, version=1):
    header = header.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def head(descr, order, shape):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


put("npy", "f4", npy(head("<f4", False, "(2, 2)"), struct.pack("<4f", 1, 2, float("nan"), 4)))
put("npy", "f8_big", npy(head(">f8", False, "(2, 2)"), struct.pack(">4d", 1, 2, 3, 4)))
put("npy", "u1_images", npy(head("|u1", False, "(2, 2, 2)"), bytes(range(8))))
put("npy", "u1_fortran", npy(head("|u1", True, "(2, 2, 2)"), bytes(range(8))))
put("npy", "i8_fortran", npy(head("<i8", True, "(3, 2)"), struct.pack("<6q", *range(6)), 2))
put("npy", "f2", npy(head("<f2", False, "(4,)"), struct.pack("<4e", 1, 2, 3, 4), 3))
put("npy", "bool", npy(head("|b1", False, "(4, 1)"), bytes([0, 1, 1, 0])))
put("npy", "object", npy(head("|O", False, "(4,)"), b"12345678"))
put("npy", "records", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", b"1234"))
put("npy", "vast", npy(head("<f8", False, "(4294967296, 4294967296)"), b""))
put("npy", "wraps", npy(head("<f8", False, "(2305843009213693952, 2)"), b""))
put("npy", "cut", b"\x93NUMPY\1\0\xff\xff{'descr'")
put("npy", "scalar", npy(head("<f8", False, "()"), b"12345678"))
put("npy", "inf", npy(head("<f4", False, "(2, 2)"), struct.pack("<4f", 1, float("inf"), 3, 4)))

head = "@relation r\n@attribute a real\n@attribute 'b c' {x, \"y\",-}\n@attribute d string\n@data\n"
put("arff", "plain", "% c\n" + head + "1,x,'p, q'\n?,'y',\"r\"\n% c\n2,-,?\n")
put("arff", "escapes", head + "1,x,'it\\'s \\\\'\n2,y,\"\\\"\"\n")
put("arff", "open", head + "1,x,'p\\")
put("arff", "list", "@relation r\n@attribute a {x,'y}\n@data\n1\n")
put("arff", "sparse", head + "{0 1}\n")
put("arff", "tabs", head + "1\tx\tp\n2\ty\tq\n")
put("arff", "nul", "@relation r\n@attribute a\0b real\n@data\n1\n")
put("svmlight", "plain", "# c\n+1 1:0.5 7:2 # x\n-1 qid:3 2:1e-3\n\n-1\n")
put("svmlight", "zero", "1 0:1\n2.5 1:2\n")
put("svmlight", "vast", "1 4000000000:1\n")
put("svmlight", "twice", "1 1:1 1:2\n")
put("svmlight", "several", "1,2 1:1 3:2\n")
put("svmlight", "several_at_the_end", "1,2")
put("svmlight", "wide", "1 16000:1\n" * 3)
put("svmlight", "odd", "1 1: 2:3\n1 a:b\n1 1:1:1\n")

put("fann", "xor", "4 2 1\n-1 -1\n-1\n-1 1\n1\n1 -1\n1\n1 1\n-1\n")
put("fann", "classes", "2 1 3\n5\n0 1 0\n6\n1 0 0\n")
put("fann", "vast", "18446744073709551615 18446744073709551615 1\n1 2\n3\n")
put("fann", "wraps", "4294967296 4294967295 1\n1 2\n3\n")
put("fann", "short", "2 2 1\n1 2\n3\n4")
put("fann", "long", "1 2 1\n1 2 3 4\n")
put("fann", "three", "2 2 1\n1 2 3\n4 5 6\n")


def safetensors(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


put("safetensors", "xy", safetensors({"x": tensor("F32", [2, 2], 0, 16), "y": tensor("I64", [2], 16, 32)}, bytes(32)))
put("safetensors", "images", safetensors({"images": tensor("U8", [2, 2, 2], 0, 8), "labels": tensor("U8", [2], 8, 10)}, bytes(range(10))))
put("safetensors", "single", safetensors({"any": tensor("F64", [2, 1], 0, 16)}, bytes(16)))
put("safetensors", "bf16", safetensors({"x": tensor("BF16", [2, 1], 0, 4)}, bytes(4)))
put("safetensors", "lies", safetensors({"x": tensor("F32", [2**32, 2**32], 0, 4)}, bytes(4)))
put("safetensors", "zero", safetensors({"x": tensor("U8", [2**63, 2], 0, 0)}, b""))
put("safetensors", "rows", safetensors({"x": tensor("U8", [2, 2], 0, 4), "y": tensor("U8", [3], 4, 7)}, bytes(7)))
put("safetensors", "scalar", safetensors({"x": tensor("F32", [], 0, 4)}, bytes(4)))
put("safetensors", "model", safetensors({"layers.0.weight": tensor("F32", [1, 1], 0, 4), "layers.0.bias": tensor("F32", [1], 4, 8)}, bytes(8)))
put("safetensors", "deep", safetensors(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", b""))
put("safetensors", "long", struct.pack("<Q", 2**63) + b"{}")

packed = gzip.compress(csv["header"].encode(), mtime=0)
put("file", "gzip", packed)
put("file", "members", packed + gzip.compress(b"5,6,z\n", mtime=0))
put("file", "cut", packed[:-3])
put("file", "behind", packed + b"rubbish")
put("file", "bomb", gzip.compress(bytes(20 << 20), mtime=0))
put("file", "zstd", bytes.fromhex("28b52ffd040041000000612c620a312c320a") + b"\0\0\0\0")
put("file", "zip", b"PK\3\4" + bytes(30))
put("file", "plain", csv["header"])
put("file", "git_lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
