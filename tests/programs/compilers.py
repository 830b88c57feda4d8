"""Compilers: the object file must be the same, byte for byte."""


def compile_with(compiler):
    def case(session):
        session.copy_input("compiled.cpp")
        session.run([compiler, "-std=c++20", "-O1", "-c", "compiled.cpp", "-o", "compiled.o"])
        session.record_file("compiled.o")

    return case


CASES = {"gcc": compile_with("g++"), "clang": compile_with("clang++")}
